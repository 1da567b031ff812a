// Package desk is the agents' part of the web: the lists, the ticket with everything one does to it, the phone call,
// and the palette that everybody has.
package desk

import (
	"net/http"
	"net/url"

	"entraide/internal/door/web/kit"
	"entraide/internal/door/web/ui"
)

// desk serves the pages of the desk.
type desk struct {
	*kit.Kit
	ask      Asker
	pictures *http.Client // fetches what strangers put into their mails
}

// Mount registers the routes of the desk. ask is called when an agent asks a third party.
func Mount(k *kit.Kit, ask Asker) {
	d := &desk{k, ask, pictureClient()}
	k.Route(kit.SignedIn, "GET "+ui.PalettePath, d.palette)
	agents := func(pattern string, h kit.Handler) { k.Route(kit.Agents, pattern, h) }

	agents("GET /desk", d.home)
	agents("GET /desk/views/{view}", d.list)
	agents("POST /desk/views", d.saveView)
	agents("POST /desk/views/{view}/removal", d.dropView)
	agents("POST /desk/next", d.next)
	agents("POST /desk/bulk", d.bulk)
	agents("POST /desk/bulk/undo", d.undoBulk)

	agents("GET /desk/tickets/{ref}", d.ticket)
	agents("GET /desk/tickets/{ref}/print", d.print)
	agents("GET /desk/tickets/{ref}/promises", d.promises)
	agents("POST /desk/tickets/{ref}/presence", d.presence)
	agents("POST /desk/tickets/{ref}/messages", d.say)
	agents("POST /desk/tickets/{ref}/properties", d.properties)
	for name, run := range actions() {
		agents("POST /desk/tickets/{ref}/"+name, d.act(name, run))
		agents("GET /desk/tickets/{ref}/"+name, d.form(name))
	}
	agents("POST /desk/tickets/{ref}/consultation", d.act("consultation", d.consult))
	agents("GET /desk/tickets/{ref}/consultation", d.form("consultation"))
	agents("POST /desk/tickets/{ref}/mails/{envelope}", d.belongs)
	agents("POST /desk/tickets/{ref}/deliveries/{message}", d.resend)
	agents("GET /desk/tickets/{ref}/messages", d.form(""))
	agents("GET /desk/tickets/{ref}/properties", d.form("properties"))
	agents("POST /desk/messages/{id}/undo", d.takeBack)
	agents("GET /desk/messages/{id}/raw", d.raw)
	agents("GET /desk/messages/{id}/pictures/{n}", d.picture)
	agents("POST /desk/drafts", d.keep)
	agents("GET /desk/suggest", d.suggest)
	agents("GET /desk/tickets/{ref}/suggestions", d.suggest)

	agents("GET /desk/call", d.call)
	agents("POST /desk/calls", d.saveCall)
}

// form leads the address of a form, which a reload after a refusal asks for, to the ticket with that form open.
func (d *desk) form(name string) kit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := readQuery(r.URL.Query()).values(true)
		if name != "" {
			q.Set("form", name)
		}
		return kit.Redirect(w, r, link("/desk/tickets/"+url.PathEscape(r.PathValue("ref")), q))
	}
}

func (d *desk) home(w http.ResponseWriter, r *http.Request) error {
	return kit.Redirect(w, r, viewPath("mine"))
}
