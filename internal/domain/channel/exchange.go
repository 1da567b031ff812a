package channel

import (
	"context"
	"fmt"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
	"entraide/internal/base/text"
)

// Exchange is a conversation with a third party about a record, which its requester never reads.
type Exchange struct {
	ID      string
	Ref     string // "ticket/…"; of a merged ticket it stays the old one: follow it
	Address string // of the third party, lower case
	Name    string // of the third party; "" = unknown
	ActorID string // who began it
	Created time.Time
}

const exchangeColumns = "id, ref, address, name, actor_id, created_at"

func scanExchange(r db.Row, x *Exchange) error {
	return r.Scan(&x.ID, &x.Ref, &x.Address, &x.Name, &x.ActorID, db.Millis(&x.Created))
}

// OpenExchange returns the exchange with address about ref, a new one if there is none. Whether a may act on ref is
// for the calling use case to decide.
// Errors: errs.Forbidden unless a is an agent, errs.Invalid (address).
func OpenExchange(ctx context.Context, tx *db.Tx, a auth.Actor, ref, address, name string) (Exchange, error) {
	if err := mayKnowAddresses(a); err != nil {
		return Exchange{}, err
	}
	if !plainAddress(key(address)) {
		return Exchange{}, errs.InvalidField("address", "mail.box.address")
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO exchange (`+exchangeColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (ref, address) DO UPDATE SET name = CASE WHEN excluded.name = '' THEN exchange.name ELSE excluded.name END`,
		id.New(), ref, key(address), text.Line(name), a.ID, db.Ms(tx.Now))
	if err != nil {
		return Exchange{}, fmt.Errorf("open exchange: %w", err)
	}
	return db.One(ctx, tx, scanExchange, "SELECT "+exchangeColumns+" FROM exchange WHERE ref = $1 AND address = $2", ref, key(address))
}

// FindExchange returns the exchange that a mail belongs to: by an address it was sent to that is a reply address of
// ours, else by the message ids it cites, nearest first, which are those of mails of that exchange. Who wrote is for
// the caller to compare: a colleague of the third party may answer.
// Errors: errs.NotFound when it belongs to none, errs.Forbidden unless a is the machine.
func FindExchange(ctx context.Context, tx *db.Tx, a auth.Actor, cited, addresses []string) (Exchange, error) {
	target, err := FindReply(ctx, tx, a, addresses)
	if err != nil {
		return Exchange{}, err
	}
	found := target.Exchange
	if found == "" && len(cited) > 0 {
		type row struct{ messageID, exchange string }
		rows, err := db.All(ctx, tx, func(r db.Row, x *row) error { return r.Scan(&x.messageID, &x.exchange) },
			"SELECT message_id, exchange FROM envelope WHERE "+tx.In("message_id", 1)+" AND message_id <> '' AND exchange <> '' ORDER BY at DESC, id DESC", db.List(cited))
		if err != nil {
			return Exchange{}, fmt.Errorf("find exchange: %w", err)
		}
		for _, c := range cited {
			for _, r := range rows {
				if r.messageID == c {
					found = r.exchange
				}
			}
			if found != "" {
				break
			}
		}
	}
	x, err := db.One(ctx, tx, scanExchange, "SELECT "+exchangeColumns+" FROM exchange WHERE id = $1", found)
	if err != nil {
		return x, fmt.Errorf("exchange: %w", err)
	}
	return x, nil
}

// Exchanges returns the exchanges about ref, oldest first. Whether a may see ref is for the caller to decide.
// Errors: errs.Forbidden unless a is an agent.
func Exchanges(ctx context.Context, tx *db.Tx, a auth.Actor, ref string) ([]Exchange, error) {
	if err := mayKnowAddresses(a); err != nil {
		return nil, err
	}
	return db.All(ctx, tx, scanExchange, "SELECT "+exchangeColumns+" FROM exchange WHERE ref = $1 ORDER BY created_at, id", ref)
}

// ExchangeThread returns the message ids of an exchange's mails, oldest first, for the References of the next one:
// the first and the last nineteen at most.
// Errors: errs.Forbidden unless a is an agent.
func ExchangeThread(ctx context.Context, tx *db.Tx, a auth.Actor, exchangeID string) ([]string, error) {
	if err := mayKnowAddresses(a); err != nil {
		return nil, err
	}
	ids, err := db.Strings(ctx, tx, "SELECT message_id FROM envelope WHERE exchange = $1 AND message_id <> '' ORDER BY at, id", exchangeID)
	if len(ids) > 20 {
		ids = append(ids[:1], ids[len(ids)-19:]...)
	}
	return ids, err
}

// ExchangeMessageID makes the Message-ID of a mail of an exchange: "x.<exchange id>.<chance>@<host>". RecordOf does
// not know it, so that an answer to it never joins the ticket's own conversation.
func ExchangeMessageID(exchangeID, host string) string {
	return ReplyExchange + strings.TrimPrefix(ThreadID(exchangeID, host), ReplyTicket)
}
