package settings

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/channel"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

// trouble is the filter for what needs somebody, whatever its state.
const trouble = "trouble"

// states are all states an envelope can be in, in the order the filter names them.
func states() []channel.State {
	return []channel.State{channel.Parked, channel.Failed, channel.Waiting, channel.Quarantined, channel.Received, channel.Done, channel.Ignored, channel.Sent}
}

// badge is how a state looks.
func badge(s channel.State) (ui.Kind, string) {
	switch s {
	case channel.Done:
		return ui.Resolved, "inbox"
	case channel.Sent:
		return ui.Resolved, "send"
	case channel.Parked:
		return ui.Late, "circle-alert"
	case channel.Failed:
		return ui.Late, "circle-x"
	case channel.Waiting:
		return ui.Pending, "clock"
	case channel.Quarantined:
		return ui.Pending, "shield-alert"
	case channel.Ignored:
		return ui.Closed, "archive"
	}
	return ui.New, "circle-dot"
}

func badgeOf(l i18n.Loc, s channel.State) page.MailState {
	kind, icon := badge(s)
	return page.MailState{Kind: kind, Icon: icon, Label: l.T("mailpage.state." + string(s))}
}

// mailLine is one envelope of a list.
func mailLine(l i18n.Loc, e channel.Envelope, now time.Time) page.MailLine {
	line := page.MailLine{ID: e.ID, Href: journalPath + "/" + e.ID, Subject: e.Subject, State: badgeOf(l, e.State), Why: e.Why(l),
		When: l.When(e.At, now), In: e.Direction == channel.In, Who: e.Recipient}
	if line.When != l.Time(e.At) {
		line.When = l.T("mailpage.when", "day", line.When, "time", l.Time(e.At))
	}
	if line.In {
		line.Who = e.Sender
	}
	if line.Subject == "" {
		line.Subject = l.T("mailpage.subject.none")
	}
	return line
}

// readFilter reads what the journal is asked for.
func readFilter(l i18n.Loc, q url.Values) channel.Filter {
	f := channel.Filter{Direction: channel.Direction(q.Get("direction")), State: channel.State(q.Get("state")), MailboxID: q.Get("mailbox"),
		Address: q.Get("address"), Word: q.Get("word"), Before: q.Get("before")}
	day := func(name string) time.Time {
		t, err := time.ParseInLocation(time.DateOnly, q.Get(name), l.In(time.Unix(0, 0)).Location())
		if err != nil {
			return time.Time{}
		}
		return t
	}
	f.From, f.Until = day("from"), day("until")
	if !f.Until.IsZero() {
		f.Until = f.Until.AddDate(0, 0, 1) // the day named is meant too
	}
	return f
}

// journal lists what came in and went out.
func (p post) journal(w http.ResponseWriter, r *http.Request) error {
	l, q := i18n.From(r.Context()), r.URL.Query()
	v := page.Journal{Form: q, Query: r.URL.RawQuery}
	f := readFilter(l, q)
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		boxes, err := channel.Mailboxes(ctx, tx, a)
		if err != nil {
			return err
		}
		v.Boxes = []ui.Option{{Label: l.T("mailpage.any")}}
		for _, m := range boxes {
			v.Boxes = append(v.Boxes, ui.Option{Value: m.ID, Label: m.Address})
		}
		var list []channel.Envelope
		var next string
		if f.State == trouble {
			list, err = channel.Troubles(ctx, tx, a, most)
		} else {
			list, next, err = channel.Journal(ctx, tx, a, f)
		}
		for _, e := range list {
			v.List = append(v.List, mailLine(l, e, tx.Now))
		}
		if next != "" {
			q.Set("before", next)
			v.Next = journalPath + "?" + q.Encode()
		}
		return err
	})
	if err != nil {
		return err
	}
	v.States = []ui.Option{{Label: l.T("mailpage.any")}, {Value: trouble, Label: l.T("mailpage.state.trouble")}}
	for _, s := range states() {
		v.States = append(v.States, ui.Option{Value: string(s), Label: l.T("mailpage.state." + string(s))})
	}
	s, err := p.mailShell(w, r, l.T("mailpage.journal"))
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.JournalPage(s, v))
}
