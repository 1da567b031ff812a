package recipients

import (
	"html/template"

	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

// story is what one mail tells of.
type story struct {
	told     told
	ticket   ticket.Ticket
	actor    string        // name; "" = the machine
	body     string        // Markdown of the message; "" = none
	files    []string      // names of its attachments
	survivor ticket.Ticket // of a merge
	outsider bool          // the person cannot sign in: no links, everything goes by answering
}

// compose writes the mail that tells s to somebody who reads l.
func compose(l i18n.Loc, p Place, s story) letter {
	t := s.ticket
	x := letter{Lang: string(l.Lang), Name: p.name(), Subject: subject(t), Title: s.told.news.Line(l, s.actor),
		Subtitle: t.Reference() + " · " + t.Subject, ReplyLine: replyLine(l), Plain: text.Clean(s.body), Said: said(p, s.body)}
	if x.Lang == "" {
		x.Lang = string(i18n.FR)
	}
	if len(s.files) > 0 {
		x.Files = append([]string{l.N("mail.files", int64(len(s.files)))}, s.files...)
	}
	if s.told.ack {
		x.Title = l.T("mail.ack.title")
		x.Before = []string{l.T("mail.ack.text", "ref", t.Reference())}
		x.After = []string{l.T("mail.ack.more")}
	}
	switch s.told.news {
	case "own.created":
		if !s.told.ack {
			x.After = []string{l.T("mail.ack.more")}
		}
	case "own.pending":
		x.After = []string{l.T("mail.pending")}
	case "own.resolved":
		x.After = []string{l.T("mail.resolved")}
		if !s.outsider {
			x.After = append(x.After, l.T("mail.rate.ask"))
			for _, score := range []string{"good", "neutral", "bad"} {
				x.Choices = append(x.Choices, link{l.T("mail.rate." + score), p.rating(t, score)})
			}
		}
	case "own.merged", "watched.merged", "activity.merged":
		x.After = []string{l.T("mail.merged", "ref", s.survivor.Reference(), "subject", s.survivor.Subject)}
	}
	x.Why = l.T("mail.why."+string(s.told.news.Topic()), "name", p.name())
	if !s.outsider {
		x.Button = button(l, p, s.told.news.Topic(), t)
		x.Choose = link{l.T("mail.preferences"), p.preferences()}
	}
	return x
}

func subject(t ticket.Ticket) string { return "[" + t.Reference() + "] " + t.Subject }

func replyLine(l i18n.Loc) string {
	if l.Lang == i18n.EN {
		return text.ReplyAboveEnglish
	}
	return text.ReplyAbove
}

// said is the message as mails show it: pictures of the product need a sign-in that mail programs do not have, so
// their descriptions stand for them.
func said(p Place, body string) template.HTML {
	html := text.Sanitise(text.Markdown(body), func(string) string { return "" })
	return template.HTML(p.absolute(html)) // sanitised right above
}

func button(l i18n.Loc, p Place, t notify.Topic, about ticket.Ticket) link {
	if t == notify.Own || t == notify.Watched {
		return link{l.T("mail.open_request"), p.request(about)}
	}
	return link{l.T("mail.open_ticket"), p.desk(about)}
}

// digest writes the mail that gathers items for somebody who reads l.
func digest(l i18n.Loc, p Place, date string, items []notify.Item) letter {
	x := letter{Lang: string(l.Lang), Name: p.name(), Subject: l.T("mail.digest.subject", "date", date),
		Title: l.N("mail.digest.title", int64(len(items))), Subtitle: date, Why: l.T("mail.digest.why"),
		Choose: link{l.T("mail.preferences"), p.preferences()}, Button: link{l.T("mail.digest.open"), p.Base + "/notifications"}}
	for _, i := range items {
		x.Items = append(x.Items, entry{Title: i.News.Line(l, i.Actor), Ticket: i.Title, Said: i.Excerpt, URL: p.Item(i)})
	}
	return x
}
