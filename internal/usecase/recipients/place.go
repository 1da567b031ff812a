package recipients

import (
	"net/url"
	"strings"

	"entraide/internal/base/config"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

// Place is where the product is reached, for links in mails.
type Place struct {
	Base string // "https://aide.exemple.fr", no slash at the end
	Name string // of the help desk, in the head and foot of mails; "" = the organisation's, else Entraide
}

// Host is the host of Base, "localhost" without one: the right side of message ids and the mark of our own mails.
func (p Place) Host() string { return config.Host(p.Base) }

// request is the page of t for those who asked or follow; desk is that of those who work on it.
func (p Place) request(t ticket.Ticket) string { return p.Base + "/requests/" + t.Reference() }
func (p Place) desk(t ticket.Ticket) string    { return p.Base + "/desk/tickets/" + t.Reference() }

// rating leads to the page that asks how it went, with one answer chosen: opening a link must not decide anything,
// since mail servers open links too.
func (p Place) rating(t ticket.Ticket, score string) string {
	return p.request(t) + "?rate=" + url.QueryEscape(score) + "#rating"
}

func (p Place) attachment(f ticket.Attachment) string { return p.Base + "/attachments/" + f.ID }

func (p Place) preferences() string { return p.Base + "/me/notifications" }

// absolute makes the links of a message's HTML, which are those of a page, lead back to the product.
func (p Place) absolute(html string) string {
	return strings.ReplaceAll(html, `href="/`, `href="`+p.Base+`/`)
}

// Item leads to what an inbox item tells of; the ticket's page knows its own for every reader.
func (p Place) Item(i notify.Item) string {
	if id, ok := strings.CutPrefix(i.Ref, "envelope/"); ok {
		return p.Base + "/settings/mail/messages/" + id
	}
	id, ok := strings.CutPrefix(i.Ref, "ticket/")
	switch t := i.News.Topic(); {
	case !ok:
		return p.Base + "/notifications"
	case t == notify.Own || t == notify.Watched:
		return p.Base + "/requests/" + id
	default:
		return p.Base + "/desk/tickets/" + id
	}
}
