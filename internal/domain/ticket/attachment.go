package ticket

import (
	"context"
	"fmt"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Attachment is a file of a message, or an upload that waits for its message.
type Attachment struct {
	ID          string
	TicketID    string // "" while only uploaded
	MessageID   string // "" while only uploaded
	Hash        string // of its bytes in the blob store
	Name        string
	ContentType string // sniffed
	Size        int64  // bytes
	ContentID   string // of an inline image of a mail; "" = none
	CreatedAt   time.Time
}

// MaxAttachments of one message.
const MaxAttachments = 50

const attachmentColumns = "f.id, coalesce(f.ticket_id, ''), coalesce(f.message_id, ''), f.hash, f.name, f.content_type, f.size, f.content_id, f.created_at"

func scanAttachment(r db.Row, f *Attachment) error {
	return r.Scan(&f.ID, &f.TicketID, &f.MessageID, &f.Hash, &f.Name, &f.ContentType, &f.Size, &f.ContentID, db.Millis(&f.CreatedAt))
}

// Upload records a file whose bytes are in the blob store already. It belongs to nobody's message yet; what is still
// so after a day is forgotten.
// Errors: errs.Forbidden for nobody.
func Upload(ctx context.Context, tx *db.Tx, a auth.Actor, f Attachment) (Attachment, error) {
	if !a.Known() {
		return f, fmt.Errorf("upload: %w", errs.Forbidden)
	}
	f.ID, f.Name, f.CreatedAt, f.TicketID, f.MessageID = id.New(), blob.SafeName(f.Name), tx.Now, "", ""
	f.ContentType, f.ContentID = text.Clean(f.ContentType), text.Clean(f.ContentID)
	_, err := tx.ExecContext(ctx, `INSERT INTO attachment (id, uploader_id, hash, name, content_type, size, content_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, f.ID, db.Null(a.ID), f.Hash, f.Name, f.ContentType, f.Size, f.ContentID, db.Millis(&f.CreatedAt))
	return f, err
}

// attach gives the actor's uploads to a message.
func attach(ctx context.Context, tx *db.Tx, a auth.Actor, m Message, uploads []string) error {
	if len(uploads) == 0 {
		return nil
	}
	if len(uploads) > MaxAttachments {
		return errs.InvalidField("attachments", "ticket.attachments_many", "max", MaxAttachments)
	}
	for _, u := range uploads {
		n, err := tx.Exec(ctx, `UPDATE attachment SET ticket_id = $1, message_id = $2
			WHERE id = $3 AND message_id IS NULL AND ($4 OR uploader_id = $5)`, m.TicketID, m.ID, text.Clean(u), a.Internal, a.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.InvalidField("attachments", "ticket.attachment_unknown")
		}
	}
	return nil
}

func attachmentsOf(ctx context.Context, tx *db.Tx, ticketID string) (map[string][]Attachment, error) {
	all, err := db.All(ctx, tx, scanAttachment, "SELECT "+attachmentColumns+" FROM attachment f WHERE f.ticket_id = $1 ORDER BY f.created_at, f.id", ticketID)
	by := make(map[string][]Attachment)
	for _, f := range all {
		by[f.MessageID] = append(by[f.MessageID], f)
	}
	return by, err
}

// FindAttachment returns a file that a may read: of a message they may read, or an upload of their own.
// Errors: errs.NotFound.
func FindAttachment(ctx context.Context, tx *db.Tx, a auth.Actor, attachmentID string) (Attachment, error) {
	var uploader, visibility, author string
	var f Attachment
	err := db.First(ctx, tx, "SELECT "+attachmentColumns+`, coalesce(f.uploader_id, ''), coalesce(m.visibility, ''),
			CASE WHEN m.state = 'held' THEN coalesce(m.author_id, '-') ELSE '' END
		FROM attachment f LEFT JOIN message m ON m.id = f.message_id WHERE f.id = $1`,
		[]any{text.Clean(attachmentID)}, &f.ID, &f.TicketID, &f.MessageID, &f.Hash, &f.Name, &f.ContentType, &f.Size, &f.ContentID,
		db.Millis(&f.CreatedAt), &uploader, &visibility, &author)
	if err != nil {
		return f, fmt.Errorf("attachment: %w", err)
	}
	if f.MessageID == "" {
		if uploader == "" || uploader != a.ID {
			return Attachment{}, fmt.Errorf("attachment: %w", errs.NotFound)
		}
		return f, nil
	}
	t, err := Find(ctx, tx, a, f.TicketID)
	if err != nil {
		return Attachment{}, err
	}
	if Visibility(visibility) == Internal && !t.AsAgent(a) || author != "" && author != a.ID { // held: its author's only
		return Attachment{}, fmt.Errorf("attachment: %w", errs.NotFound)
	}
	return f, nil
}

// PurgeUploads forgets uploads older than a day that no message took, and returns how many.
func PurgeUploads(ctx context.Context, tx *db.Tx) (int64, error) {
	return tx.Exec(ctx, "DELETE FROM attachment WHERE message_id IS NULL AND created_at < $1", db.Ms(tx.Now.AddDate(0, 0, -1)))
}
