package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/id"
)

// What a reply address leads to; the letter stands in the address.
const (
	ReplyTicket   = "t"
	ReplyNote     = "n" // a ticket as well, but what an agent answers there stays inside
	ReplyExchange = "x"
)

// Target is where a reply address leads; the zero Target is nowhere.
type Target struct {
	Ref      string // "ticket/…"; "" = an exchange
	Exchange string // id of an exchange; "" = a ticket
	Inside   bool   // it stood in a mail that told what stays inside
	Address  string // that led there, as it was written
}

// maxLocal is the longest left side of an address that all servers take.
const maxLocal = 64

// ReplyTo returns the address at which an answer about a ticket or an exchange reaches m:
// "aide+t.01J….k3v9x2ab@exemple.fr" when m takes such addresses, else its own. The last part is a check that only we
// can compute, so that nobody reaches a ticket by guessing.
// Errors: errs.Forbidden unless a is the machine or an agent.
func ReplyTo(ctx context.Context, tx *db.Tx, a auth.Actor, m Mailbox, what, recordID string) (string, error) {
	if err := mayKnowAddresses(a); err != nil {
		return "", err
	}
	local, host, ok := strings.Cut(m.Address, "@")
	tag := what + "." + strings.ToLower(recordID)
	if !m.Out.Plus || !ok || len(local)+len(tag)+len(checkOf(nil, tag))+2 > maxLocal {
		return m.Address, nil
	}
	secret, err := replyKey(ctx, tx)
	if err != nil {
		return "", err
	}
	return local + "+" + tag + "." + checkOf(secret, tag) + "@" + host, nil
}

// FindReply returns where the first reply address among addresses leads. One that somebody altered leads nowhere.
// Errors: errs.Forbidden unless a is the machine.
func FindReply(ctx context.Context, tx *db.Tx, a auth.Actor, addresses []string) (Target, error) {
	if err := mayHandle(a); err != nil {
		return Target{}, err
	}
	for _, address := range addresses {
		local, _, _ := strings.Cut(strings.ToLower(address), "@")
		plus := strings.LastIndexByte(local, '+')
		parts := strings.Split(local[plus+1:], ".")
		if plus < 0 || len(parts) != 3 || !id.Valid(strings.ToUpper(parts[1])) {
			continue
		}
		secret, err := replyKey(ctx, tx)
		if err != nil {
			return Target{}, err
		}
		if !hmac.Equal([]byte(checkOf(secret, parts[0]+"."+parts[1])), []byte(parts[2])) {
			continue
		}
		recordID := strings.ToUpper(parts[1])
		switch parts[0] {
		case ReplyTicket, ReplyNote:
			return Target{Ref: "ticket/" + recordID, Inside: parts[0] == ReplyNote, Address: address}, nil
		case ReplyExchange:
			return Target{Exchange: recordID, Address: address}, nil
		}
	}
	return Target{}, nil
}

// checkOf is the part of a reply address that proves the rest: 40 bits.
func checkOf(secret []byte, tag string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(tag))
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:5]))
}

// replyKey returns the key of the checks. Mails out there carry them for years, so it is made once, by whoever needs
// it first, and never changes.
func replyKey(ctx context.Context, tx *db.Tx) ([]byte, error) {
	const read = "SELECT value FROM mail_key WHERE name = 'reply'"
	var secret string
	err := db.First(ctx, tx, read, nil, &secret)
	if errors.Is(err, errs.NotFound) {
		_, err = tx.ExecContext(ctx, "INSERT INTO mail_key (name, value) VALUES ('reply', $1) ON CONFLICT (name) DO NOTHING", id.Token())
		if err == nil {
			err = db.First(ctx, tx, read, nil, &secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key of reply addresses: %w", err)
	}
	return []byte(secret), nil
}
