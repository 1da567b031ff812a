package intake

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

// sentTo returns the addresses to which m was sent, the surest first, lower case.
func (m *mail) sentTo() []string {
	var all []string
	add := func(address string) {
		if s := strings.ToLower(address); s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	add(m.envelope.Recipient)
	for _, r := range m.Recipients {
		add(r)
	}
	for _, a := range m.To {
		add(a.Address)
	}
	for _, a := range m.CC {
		add(a.Address)
	}
	return all
}

// address finds out which addresses are ours and by which mailbox m came: the one that fetched it, unless the mail
// names another first, so that a mail to two of our mailboxes has one place.
func (m *mail) address(ctx context.Context, tx *db.Tx, o Options) error {
	boxes, err := channel.Mailboxes(ctx, tx, machine())
	if err != nil {
		return err
	}
	for _, a := range o.Own {
		m.own = append(m.own, strings.ToLower(a))
	}
	named := make(map[string]channel.Mailbox)
	for _, b := range boxes {
		for _, a := range b.Addresses() {
			m.own = append(m.own, a)
			if b.Active {
				named[a] = b
			}
		}
	}
	m.box = o.Mailbox
	to := append(slices.Clone(m.To), m.CC...)
	for _, a := range to {
		if b, ok := named[Plain(a.Address)]; ok {
			m.box = b
			break
		}
	}
	if m.box.ID == "" {
		m.box = named[Plain(m.envelope.Recipient)]
	}
	if m.box.ID != "" {
		m.envelope.MailboxID = m.box.ID
		m.step("mail.step.mailbox", "name", m.box.Name, "address", m.box.Address)
	}
	return nil
}

// Plain is an address in lower case without its plus part.
func Plain(address string) string {
	local, host, ok := strings.Cut(strings.ToLower(address), "@")
	if plus := strings.IndexByte(local, '+'); plus > 0 {
		local = local[:plus]
	}
	if !ok {
		return local
	}
	return local + "@" + host
}

// authentication notes what the receiving server found out about the sender.
func (m *mail) authentication() {
	if m.Auth == nil {
		return
	}
	key := "mail.step.checked"
	if !m.Auth.Trusted {
		key = "mail.step.claimed"
	}
	word := func(s string) string {
		if s == "" {
			return "–"
		}
		return s
	}
	m.step(key, "server", m.Auth.Server, "spf", word(m.Auth.SPF), "dkim", word(m.Auth.DKIM), "dmarc", word(m.Auth.DMARC))
}

// forged reports whether the server that we trust says that the sender's domain did not send m.
func (m *mail) forged() bool {
	return m.Auth != nil && m.Auth.Trusted && strings.EqualFold(m.Auth.DMARC, "fail")
}

// unwanted returns why m goes to quarantine, "" if it does not.
func unwanted(ctx context.Context, tx *db.Tx, m *mail) (string, error) {
	b, err := channel.IsBlocked(ctx, tx, machine(), m.From.Address)
	if err != nil {
		return "", err
	}
	if b.Pattern != "" {
		m.step("mail.step.blocked", "pattern", b.Pattern)
		return channel.Because("mail.reason.blocked", b.Pattern), nil
	}
	if m.past {
		return "", nil
	}
	return blown(ctx, tx, m)
}

// blown returns why the fuse holds m back, "" if it does not. Colleagues who work tickets are not held back.
func blown(ctx context.Context, tx *db.Tx, m *mail) (string, error) {
	fuse, err := setting.Get(ctx, tx, channel.FuseKey, channel.DefaultFuse())
	if err != nil || fuse.Spares(m.envelope.Sender) {
		return "", err
	}
	pace, err := channel.PaceOf(ctx, tx, machine(), fuse, m.envelope.Sender, text.Excerpt(m.Subject, channel.MaxSubject))
	if err != nil || !fuse.Blown(pace) {
		return "", err
	}
	p, err := identity.FindByEmail(ctx, tx, machine(), m.From.Address)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return "", err
	}
	if err == nil && !m.forged() {
		a, err := actor(ctx, tx, p)
		if err != nil || a.Agent() {
			return "", err
		}
	}
	m.step("mail.step.fuse", "address", m.From.Address, "hour", strconv.Itoa(pace.Hour), "day", strconv.Itoa(pace.Day), "same", strconv.Itoa(pace.Same))
	if pace.Held == 0 {
		err = channel.Alert(ctx, tx, machine(), channel.MailHeld, m.decision.ID, m.From.Address)
	}
	return channel.ReasonFuse, err
}

// arrivalQueue returns the queue of the mailbox that m came by, "" when it has none that takes tickets.
func arrivalQueue(ctx context.Context, tx *db.Tx, m *mail) (string, error) {
	if m.box.QueueID == "" {
		return "", nil
	}
	q, err := ticket.FindQueue(ctx, tx, m.box.QueueID)
	if errors.Is(err, errs.NotFound) || err == nil && !q.Active {
		return "", nil
	}
	return q.ID, err
}
