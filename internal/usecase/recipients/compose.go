package recipients

import (
	"html/template"
	"strings"

	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

// story is what one mail tells of.
type story struct {
	told      told
	ticket    ticket.Ticket
	actor     string              // name; "" = the machine
	recipient string              // name
	body      string              // Markdown of the message; "" = none
	files     []ticket.Attachment // of the message
	before    []ticket.Message    // what was said before and is quoted
	survivor  ticket.Ticket       // of a merge
	inside    bool                // an answer stays inside the desk
	outsider  bool                // the person cannot sign in: no links, everything goes by answering
}

// style is how the mails of one mailbox are written.
type style struct {
	place     Place
	look      look
	templates Templates
	signature func(i18n.Lang) string // Markdown; nil = none
}

// kindOf returns the kind of template that tells news; "" for those that the desk writes to itself.
func kindOf(t told) string {
	topic := t.news.Topic()
	if topic != notify.Own && topic != notify.Watched {
		return ""
	}
	switch what := string(t.news)[len(topic)+1:]; what {
	case "created":
		if t.ack {
			return Acknowledgement
		}
		return Created
	case "replied":
		return Reply
	case "pending", "resolved", "reopened", "cancelled", "merged", "added":
		return what
	}
	return ""
}

// compose writes the mail that tells s to somebody who reads l, and the files that it carries.
func (y style) compose(l i18n.Loc, s story) (letter, []channel.File) {
	t, p := s.ticket, y.place
	x := letter{Lang: language(l.Lang), Look: y.look, ReplyLine: replyLine(l), Why: l.T("mail.why."+string(s.told.news.Topic()), "name", y.look.Name)}
	if !s.outsider {
		x.Choose = link{l.T("mail.preferences"), p.preferences()}
	}
	kind := kindOf(s.told)
	if kind == "" {
		x.Subject = subject(t)
		x.Blocks = y.staff(l, s)
		return x, nil
	}
	values := map[string]string{"reference": t.Reference(), "subject": t.Subject, "headline": s.told.news.Line(l, s.actor), "recipient": s.recipient,
		"requester": t.Requester, "agent": s.actor, "organisation": y.look.Name, "queue": t.QueueName, "link": "",
		"survivor": l.T("mailout.survivor", "ref", s.survivor.Reference(), "subject", s.survivor.Subject)}
	if s.actor == "" {
		values["agent"] = y.look.Name
	}
	if !s.outsider {
		values["link"] = p.request(t)
	}
	load := carry(l, p, s)
	for _, m := range s.before {
		x.Before = append(x.Before, y.quote(l, m))
	}
	y.write(&x, kind, values, func(name string) []block {
		switch {
		case name == "message":
			return y.message(l, s.body, load)
		case name == "signature":
			return y.sign(l, values)
		case s.outsider:
		case name == "button":
			return []block{{Button: button(l, p, s.told.news.Topic(), t)}}
		case name == "rating":
			ask := block{Text: l.T("mail.rate.ask"), HTML: template.HTML(template.HTMLEscapeString(l.T("mail.rate.ask")))}
			for _, score := range []string{"good", "neutral", "bad"} {
				ask.Choices = append(ask.Choices, link{l.T("mail.rate." + score), p.rating(t, score)})
			}
			return []block{ask}
		}
		return nil
	})
	return x, load.files
}

// write fills the template of a kind; blocks returns what stands for a block variable.
func (y style) write(x *letter, kind string, values map[string]string, blocks func(name string) []block) {
	tmpl := y.templates.Of(kind, i18n.Lang(x.Lang))
	x.Subject = text.Line(fill(tmpl.Subject, values, raw))
	for _, part := range pieces(kind, tmpl.Body) {
		if part.block == "" {
			x.Blocks = append(x.Blocks, y.look.words(y.place, part.text, values))
			continue
		}
		x.Blocks = append(x.Blocks, blocks(part.block)...)
	}
}

// message is what somebody wrote, with the files that come with it.
func (y style) message(l i18n.Loc, body string, c cargo) []block {
	var list []block
	if strings.TrimSpace(body) != "" {
		list = append(list, block{HTML: y.said(body, c.pictures), Text: spoken(y.place, body), Said: true})
	}
	if len(c.lines) > 0 {
		list = append(list, block{Files: c.lines})
	}
	return list
}

func (y style) sign(l i18n.Loc, values map[string]string) []block {
	if y.signature == nil {
		return nil
	}
	src := y.signature(l.Lang)
	if strings.TrimSpace(src) == "" {
		return nil
	}
	return []block{y.look.words(y.place, src, values)}
}

// staff writes what the desk tells itself, which has no template: its readers want facts, not manners.
func (y style) staff(l i18n.Loc, s story) []block {
	list := []block{{Title: s.told.news.Line(l, s.actor), Small: s.ticket.Reference() + " · " + s.ticket.Subject}}
	c := cargo{}
	if len(s.files) > 0 {
		c.lines = []link{{Text: l.N("mail.files", int64(len(s.files)))}}
		for _, f := range s.files {
			c.lines = append(c.lines, link{f.Name, y.place.attachment(f)})
		}
	}
	list = append(list, y.message(l, s.body, c)...)
	if s.survivor.ID != "" {
		list = append(list, y.look.words(y.place, l.T("mail.merged", "ref", s.survivor.Reference(), "subject", literal(s.survivor.Subject)), nil))
	}
	if !s.outsider {
		list = append(list, block{Button: button(l, y.place, s.told.news.Topic(), s.ticket)})
	}
	if s.told.news.Topic() != notify.Own {
		answer := l.T("mail.answer.public", "name", s.ticket.Requester)
		if s.inside {
			answer = l.T("mail.answer.inside", "name", s.ticket.Requester)
		}
		list = append(list, block{Text: answer, HTML: template.HTML(template.HTMLEscapeString(answer))})
	}
	return list
}

// quote is an earlier message as it stands below a mail.
func (y style) quote(l i18n.Loc, m ticket.Message) quoted {
	const most = 1500 // runes; the whole of it is on the request's page
	body := m.Body
	if r := []rune(body); len(r) > most {
		body = string(r[:most]) + "…"
	}
	name := m.Author
	if name == "" {
		name = y.look.Name
	}
	return quoted{Head: l.T("mailout.wrote", "date", l.Date(m.CreatedAt), "time", l.Time(m.CreatedAt), "name", name),
		HTML: y.said(body, nil), Text: spoken(y.place, body)}
}

func subject(t ticket.Ticket) string { return "[" + t.Reference() + "] " + t.Subject }

func replyLine(l i18n.Loc) string {
	if l.Lang == i18n.EN {
		return text.ReplyAboveEnglish
	}
	return text.ReplyAbove
}

// said is a message as mails show it: pictures are those that the mail carries. Others need a sign-in that mail
// programs do not have, so their descriptions stand for them.
func (y style) said(body string, pictures map[string]string) template.HTML {
	html := text.Sanitise(text.Markdown(body), func(url string) string { return pictures[url] })
	return y.look.styled(y.place.absolute(html))
}

// spoken is a message as text: without the marks of Markdown, links with their addresses, pictures by description.
func spoken(p Place, body string) string {
	return text.FromHTML(p.absolute(text.Sanitise(text.Markdown(body), func(string) string { return "" })))
}

func button(l i18n.Loc, p Place, t notify.Topic, about ticket.Ticket) link {
	if t == notify.Own || t == notify.Watched {
		return link{l.T("mail.open_request"), p.request(about)}
	}
	return link{l.T("mail.open_ticket"), p.desk(about)}
}

// digest writes the mail that gathers items for somebody who reads l.
func (y style) digest(l i18n.Loc, date string, items []notify.Item) letter {
	p := y.place
	x := letter{Lang: language(l.Lang), Look: y.look, Subject: l.T("mail.digest.subject", "date", date), Why: l.T("mail.digest.why"),
		Choose: link{l.T("mail.preferences"), p.preferences()}, Unsubscribe: p.preferences()}
	news := block{}
	for _, i := range items {
		news.Items = append(news.Items, entry{Title: i.News.Line(l, i.Actor), Ticket: i.Title, Said: i.Excerpt, URL: p.Item(i)})
	}
	x.Blocks = []block{{Title: l.N("mail.digest.title", int64(len(items))), Small: date}, news, {Button: link{l.T("mail.digest.open"), p.Base + "/notifications"}}}
	return x
}

// item writes the mail that tells one item to somebody who reads l.
func (y style) item(l i18n.Loc, i notify.Item) letter {
	line := i.News.Line(l, i.Actor)
	said := block{Text: i.Excerpt, HTML: template.HTML(template.HTMLEscapeString(i.Excerpt)), Said: true}
	return letter{Lang: language(l.Lang), Look: y.look, Subject: line, Why: l.T("mail.why."+string(i.News.Topic()), "name", y.look.Name),
		Choose: link{l.T("mail.preferences"), y.place.preferences()},
		Blocks: []block{{Title: line, Small: i.Title}, said, {Button: link{l.T("mail.open_journal"), y.place.Item(i)}}}}
}
