// Package desk draws the pages of the agents' desk: the lists, the ticket, the phone call. It is given words and
// addresses; the part of the web of the same name puts them together.
package desk

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"entraide/internal/door/web/ui"
)

// Group is a titled part of the list of views.
type Group struct {
	Title string // "" = the first one
	Views []ui.View
}

// Frame are the panes that every page of the desk shares.
type Frame struct {
	Groups   []Group
	ViewsURL string // of the views as a fragment
	Topic    string // live topic of the list
	ListURL  string // of the list as a fragment

	Title   string // of the view
	Count   string
	Base    string // address of the view
	Query   string // encoded query of the list, without "?"; kept by every link from it
	Rows    []ui.Row
	Next    string // "" = the list ends here
	First   string // "" = it begins here
	Narrow  Narrow
	Sorts   []ui.Tab
	Agents  []ui.Option // who tickets can be given to, in bulk
	SaveURL string
	Teams   []ui.Option // for which a view may be saved
	Drop    string      // address that forgets the saved view; "" = it is not the reader's
}

// Narrow are the filters above the list.
type Narrow struct {
	Q, Status, Priority, Category, Sort string
	Statuses, Priorities, Categories    []ui.Option
	Active                              bool // something is filtered
}

// Form is the form of a ticket that was refused or that stands open, with what was typed.
type Form struct {
	Name     string // "" = none
	Values   url.Values
	Mistakes ui.Mistakes
	Text     string // why it was refused, when that is about no field
}

// Value is what was typed into a field of form; def while that form was not sent.
func (f Form) Value(form, field, def string) string {
	if f.Name != form || f.Values == nil {
		return def
	}
	return f.Values.Get(field)
}

// Chosen reports whether one value of a field of form was chosen.
func (f Form) Chosen(form, field, value string) bool {
	if f.Name != form {
		return false
	}
	for _, v := range f.Values[field] {
		if v == value {
			return true
		}
	}
	return false
}

// Mistake is what is wrong with a field of form.
func (f Form) Mistake(form, field string) string {
	if f.Name != form {
		return ""
	}
	return f.Mistakes.Of(field)
}

// Item is one entry of a conversation: a message or, with Icon, an event.
type Item struct {
	Msg     ui.Msg
	Body    templ.Component
	Quoted  string // history cut off a mail
	Undo    string // address that takes a held reply back
	Raw     string // address of the raw mail
	Images  string // address that shows blocked images; "" = none are blocked
	Subject string // excerpt, to choose it when splitting
	Sent    Sent   // what became of it by mail

	Icon     string // of an event
	Line     string
	When     string
	Handover []ui.KV
}

// Sent says how far a message got by mail. The zero value says nothing.
type Sent struct {
	Icon  string
	Line  string
	Bad   bool
	Again string // address that sends it again; "" = there is no need
}

// Allowed is what the reader may do with the ticket now.
type Allowed struct {
	Work, Resolve, Reopen, Cancel, Resume, Return, Take, Reply bool
	Why                                                        string // they may not work it, in words
}

// Stay is the time of a ticket at a level.
type Stay struct {
	Level int
	Where string
	Spent string
}

// Linked is a linked ticket.
type Linked struct {
	Words, Ref, Subject, Href string
	Kind                      string // of the link, to remove it
	Status                    ui.Kind
}

// Property is one question of the properties' form.
type Property struct {
	Field   ui.Field
	Options []ui.Option // a choice when there are any
	Was     string      // value the page was drawn with
}

// Side is the context of the ticket.
type Side struct {
	Requester  ui.Person
	Facts      []ui.KV
	Phone      string // "tel:…"; "" = none known
	Past       []Linked
	PastCount  string
	Properties []ui.KV
	Tags       []string
	Watchers   []ui.Person
	Watching   bool // the reader
	Links      []Linked
	Stays      []Stay
	History    []Item
	Rating     string
	Comment    string
	Problem    *Problem // nil = none is known
	First      *Clock   // first answer
	Solve      *Clock   // resolution
}

// Problem is the cause behind incidents.
type Problem struct {
	Own                                bool   // the page is the problem's; else that of an incident
	Of                                 Linked // the problem
	State, Word                        string // how sure one is
	Known                              bool   // a known error: cause and workaround
	Cause, Workaround, Fix             string // HTML
	CauseText, WorkaroundText, FixText string // Markdown
	Version                            string
	Incidents                          []Incident // of one's own
	Active                             int        // of these
}

// Incident is a ticket that a problem causes.
type Incident struct {
	Linked
	ID, Who string
	Active  bool
}

// Clock is a promise.
type Clock struct {
	Kind  ui.Kind
	Share int
	Value string
}

// Ticket is the page of a ticket.
type Ticket struct {
	Frame
	ID, Ref, Subject string
	Path             string // "/desk/tickets/INC-1042"
	Topic            string
	Level, Priority  int
	Status           ui.Kind
	Word             string // of the status
	Merged           Linked // into which; zero = not merged
	Assignee         ui.Person
	QueueID          string
	QueueName        string
	Version          string
	May              Allowed
	Items            []Item
	Asked            []Asked // mails that may belong to another ticket
	Present          []Presence
	Composer         ui.Composer
	Seen             string // id of the last public message shown
	Form             Form
	Queues           []ui.Option // where it can be handed
	Team             []ui.Option // who can get it
	People           []ui.Option // who can get it elsewhere
	Known            string      // summary for the handover
	Leaving          []string    // what goes along with a handover
	LinkKinds        []ui.Option
	Kinds            []ui.Option
	States           []ui.Option // how sure one may be of a cause
	Edit             []Property
	Side             Side
	Live             string // address of this page, for its live parts
}

// Asked is a mail of the ticket that names another one, which its sender takes no part in.
type Asked struct{ ID, Sender, Ref, Subject, Href string }

// Presence is a colleague who has the ticket open.
type Presence struct {
	Person  ui.Person
	Writing bool
}

// Act is the address of an action on the ticket; it keeps the list beside it.
func (t Ticket) Act(name string) string { return with(t.Path+"/"+name, t.Query) }

// Open is the address at which a form of the ticket stands open, for those without script.
func (t Ticket) Open(form string) string { return with(t.Path, join(t.Query, "form="+form)) }

// Part is the address of a live part of the page.
func (t Ticket) Part(name string) string { return with(t.Live, "part="+name) }

// said is how many messages there are.
func (t Ticket) said() int {
	n := 0
	for _, it := range t.Items {
		if it.Icon == "" {
			n++
		}
	}
	return n
}

func with(path, query string) string {
	if query == "" {
		return path
	}
	if strings.Contains(path, "?") {
		return path + "&" + query
	}
	return path + "?" + query
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "&" + b
}

// Call is the page on which a phone call is written down.
type Call struct {
	Q        string
	People   []ui.Person
	Caller   ui.Person // chosen; zero = not yet
	Facts    []ui.KV
	Past     []Linked
	Asked    bool // somebody was looked for
	Form     Form
	Cats     []ui.Option
	Kinds    []ui.Option
	Scale    []ui.Option
	Queues   []ui.Option
	External bool       // the caller is not in the directory
	Fields   []Property // of the organisation's own, for the type and category chosen
}

// Print is a ticket on paper.
type Print struct {
	Ref, Subject string
	Facts        []ui.KV
	Items        []Item
}

// Conflict is a change that met another one.
type Conflict struct {
	Ref, Subject, Action, Back, Version, Who string
	Fields                                   []ui.Diff
	Hidden                                   [][2]string // what else was changed, without a quarrel
}
