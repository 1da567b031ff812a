package settings

import (
	"context"
	"net/http"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/netx"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

// Mail is what the pages of mail need besides the kit.
type Mail struct {
	// Seal keeps the secrets of mailboxes. With the zero key none can be saved.
	Seal seal.Key
	// Test tries a mailbox as it is typed and sends one mail to an address; nil hides the button.
	Test func(ctx context.Context, m channel.Mailbox, s channel.Secrets, to string) []channel.Check
	// Client exchanges codes of consent with Microsoft and Google; nil calls public addresses only.
	Client *http.Client
}

// post are the pages of mail.
type post struct {
	pages
	Mail
}

// Paths of the pages of mail.
const (
	boxesPath   = mailPath + "/boxes"
	journalPath = mailPath + "/messages"
	blocksPath  = mailPath + "/blocks"
	deadPath    = mailPath + "/addresses"
	consentPath = mailPath + "/consent"
)

// MountMail registers the pages of mail.
func MountMail(k *kit.Kit, m Mail) {
	if m.Client == nil {
		m.Client = netx.NewClient(netx.Options{})
	}
	p := post{pages{k}, m}
	admins := func(pattern string, h kit.Handler) { k.Route(kit.Admins, pattern, h) }
	admins("GET "+mailPath, p.boxes)
	admins("GET "+boxesPath+"/new", p.newBox)
	admins("POST "+boxesPath, p.saveBox)
	admins("GET "+boxesPath+"/{id}", p.box)
	admins("POST "+boxesPath+"/{id}", p.saveBox)
	admins("POST "+boxesPath+"/{id}/removal", p.dropBox)
	admins("POST "+mailPath+"/trial", p.tryBox)
	admins("GET "+mailPath+"/signature", p.signature)
	admins("GET "+consentPath, p.consented)
	admins("POST "+boxesPath+"/{id}/trip", p.startTrip)
	admins("GET "+boxesPath+"/{id}/trips/{envelope}", p.trip)
	admins("GET "+rulesPath, p.rules)
	admins("POST "+rulesPath, p.saveRules)
	p.mountTemplates()
	p.mountJournal()
	p.mountBlocks()
}

// mailShell is the frame of a page of mail.
func (p post) mailShell(w http.ResponseWriter, r *http.Request, title string) (ui.Shell, error) {
	return p.shell(w, r, title, "mail")
}

// boxes is the list of mailboxes with their health, and the mail server of the configuration.
func (p post) boxes(w http.ResponseWriter, r *http.Request) error {
	l, c := i18n.From(r.Context()), p.Config.SMTP
	v := page.Boxes{Host: c.Host, Port: c.Port, User: c.User, TLS: c.TLS, From: c.From, Password: c.Password.Reveal() != ""}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		list, err := channel.Mailboxes(ctx, tx, a)
		if err != nil {
			return err
		}
		queues, err := queueNames(ctx, tx, a)
		if err != nil {
			return err
		}
		fetches, err := channel.Fetches(ctx, tx, a)
		if err != nil {
			return err
		}
		for _, m := range list {
			line := page.BoxLine{Name: m.Name, Address: m.Address, Href: boxesPath + "/" + m.ID, Queue: queues[m.QueueID],
				Way: ways(l, m), Active: m.Active, Standard: m.Standard}
			if f := fetches[m.ID]; m.Active && m.In.Way != channel.NoWay {
				health(&line, l, f, tx.Now)
			}
			v.List = append(v.List, line)
		}
		troubles, err := channel.Troubles(ctx, tx, a, most)
		v.Troubles = int64(len(troubles))
		return err
	})
	if err != nil {
		return err
	}
	s, err := p.mailShell(w, r, l.T("mailpage.boxes"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.BoxesPage(s, v))
}

// health writes how the fetching of a mailbox goes.
func health(line *page.BoxLine, l i18n.Loc, f channel.Fetch, now time.Time) {
	if f.Fetched > 0 {
		line.Fetched = l.N("mailpage.box.fetched", f.Fetched)
	}
	if !f.Checked.IsZero() {
		line.Checked = l.When(f.Checked, now)
	}
	if f.Error != "" {
		line.Error, line.ErrorAt = f.Why(l), l.When(f.ErrorAt, now)
	}
}

func queueNames(ctx context.Context, tx *db.Tx, a auth.Actor) (map[string]string, error) {
	list, err := ticket.Queues(ctx, tx, a)
	out := make(map[string]string, len(list))
	for _, q := range list {
		out[q.ID] = q.Name
	}
	return out, err
}

// ways says how a mailbox is reached, in a line.
func ways(l i18n.Loc, m channel.Mailbox) string {
	in, out := "mailpage.in."+string(m.In.Way), "mailpage.out."+string(m.Out.Way)
	if m.In.Way == channel.NoWay {
		in = "mailpage.in.none"
	}
	if m.Out.Way == channel.NoWay {
		out = "mailpage.out.none"
	}
	return l.T("mailpage.ways", "in", i18n.Key(in), "out", i18n.Key(out))
}
