package ui

import (
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Shell is what surrounds a page: who looks, where they are, where they can go.
// The zero value is a page for nobody, without navigation.
type Shell struct {
	Title  string // of the page, a phrase without the organisation
	Active string // Key of the current NavItem
	Org    string // the organisation's name, shown in the footer and in the page title; may be empty
	Logo   string // URL of the organisation's image beside its name; empty: none
	Person Person // who is signed in; zero: nobody
	Unread int64  // notifications not read

	Nav  []NavItem  // portal: top bar. Desk: rail
	Tabs []NavItem  // bottom bar on a phone, at most five; Key "help" draws the yellow help button
	Menu []NavItem  // under the avatar: my requests, desk, settings…
	Side []NavGroup // settings: side navigation

	Theme  string          // "light", "dark", or "" to follow the system
	Path   string          // path and query of this page, to come back after a change of language
	Topics []string        // live topics that this page listens to, besides those of its data-live elements
	Mark   string          // how far what the page shows was heard of; its live stream tells what changed since
	Banner templ.Component // above everything: a major incident; nil: none
	Footer []NavItem       // links of the footer
	Flash  []Flash         // toasts to show once
	Desk   bool            // loads the desk's keyboard and suggestions; DeskPage sets it
}

// NavItem is one place one can go to.
type NavItem struct {
	Key   string // compared with Shell.Active
	Label string
	Href  string
	Icon  string // lucide name; the top bar shows none
	Count int64  // waiting there; zero: not shown
	Apart bool   // desk rail and menus: set apart at the end
}

// NavGroup is a titled part of a side navigation.
type NavGroup struct {
	Title string
	Items []NavItem
}

// Flash is a message shown once in a toast.
type Flash struct {
	Text   string
	Icon   string // "" : circle-check
	Undo   string // URL that a POST undoes at; empty: no undo
	Action string // label of the undo button; empty: "Annuler"
}

// htmxConfig sets htmx up for a page without inline styles. An answer 422 or 409 is a form to show again; other
// errors leave the page as it is, and script shows a toast.
const htmxConfig = `{"includeIndicatorCSS":false,"history":false,"defaultTimeout":20000,"noSwap":[204,304,400,401,403,404,405,410,413,429,"5xx"]}`

// PageTitle is the text of the title element.
func (s Shell) PageTitle() string {
	name := s.Org
	if name == "" {
		name = "Entraide"
	}
	if s.Title == "" {
		return name
	}
	return s.Title + " · " + name
}

// dataTheme is the value of data-theme; empty follows the system.
func (s Shell) dataTheme() string {
	if s.Theme == "light" || s.Theme == "dark" {
		return "entraide-" + s.Theme
	}
	return ""
}

func (s Shell) topics() string { return strings.Join(s.Topics, ",") }

// Live are the attributes of an element that reloads itself from url when the live stream names topic
// ("ticket/01J…"). The answer replaces the element; focus, typed text and scroll stay.
func Live(topic, url string) templ.Attributes {
	return templ.Attributes{"data-live": topic, "hx-get": url, "hx-trigger": "live", "hx-swap": "outerMorph"}
}

// InboxTopic is the live topic of what a person is notified of.
func InboxTopic(personID string) string { return "inbox/" + personID }

// split separates the items that are set apart.
func split(items []NavItem) (first, apart []NavItem) {
	for _, it := range items {
		if it.Apart {
			apart = append(apart, it)
		} else {
			first = append(first, it)
		}
	}
	return first, apart
}

// leads reports whether the navigation leads to the part key already, so that the person's menu need not.
func (s Shell) leads(key string) bool {
	return slices.ContainsFunc(s.Nav, func(it NavItem) bool { return it.Key == key })
}
