// Package portal draws the pages of the people who ask: home, new request, their requests, one request.
// Its views hold texts, dates and sizes as they are read; the handlers of door/web/portal fill them.
package portal

import (
	"net/url"

	"github.com/a-h/templ"

	"entraide/internal/base/i18n"
	"entraide/internal/domain/form"
	"entraide/internal/door/web/ui"
)

// Paths of the portal's own pages and actions.
const (
	RequestsPath  = "/requests"           // GET: mine. POST: send a new one
	QuestionsPath = "/requests/questions" // POST: the questions of a category, as a fragment
	AnswersPath   = "/answers"            // GET ?subject=: what is known already, as a fragment
	DraftsPath    = "/drafts"             // POST ?key=
	DiscardPath   = "/drafts/discard"     // POST key=, back=
	UploadsPath   = "/uploads"            // POST multipart, one file
)

// NewDraft is the key of the draft of a new request.
const NewDraft = "ticket/new"

// DraftURL is where the draft of that key is kept.
func DraftURL(key string) string { return DraftsPath + "?key=" + url.QueryEscape(key) }

// HomeView is the first page.
type HomeView struct {
	First    string       // given name
	Requests []ui.Request // up to three, the latest first
	HasMore  bool         // there are others, perhaps finished
}

// Known is one request that resembles what is being typed.
type Known struct {
	Ref, Subject, Href, State string
}

// NewView is the form of a new request, also when it comes back with mistakes.
type NewView struct {
	Kind     string // "incident" or "request"
	Once     string // sent along so that a double click makes one request
	Subject  string
	Body     string
	Impact   string // "no", "partly" or "yes"
	Files    []ui.Attachment
	Mistakes ui.Mistakes
	Restored string // when the draft that fills the form was saved; empty: it is not one
	Fresh    string // what was asked for while an older draft is shown; empty: nothing
	// DraftVersion is that of the draft that is kept now; 0: none.
	DraftVersion int64
	Questions
}

// Questions is what the form asks about the category.
type Questions struct {
	Top      []ui.Option // first level of the categories
	Category string      // the one chosen of Top
	Subs     []ui.Option // those below it; none: no choice
	Sub      string
	Fields   []form.Field
	Values   map[string][]string // of the fields, by key
	Wrong    ui.Mistakes         // same as the form's
}

func (q Questions) first(key string) string {
	if v := q.Values[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (q Questions) has(key, value string) bool {
	for _, v := range q.Values[key] {
		if v == value {
			return true
		}
	}
	return false
}

// field is a question as components take it.
func (q Questions) field(l i18n.Loc, f form.Field) ui.Field {
	name := "fields." + f.Key
	return ui.Field{Name: name, Label: f.Label(l.Lang), Hint: f.Help(l.Lang), Error: q.Wrong.Of(name), Value: q.first(f.Key), Optional: !f.Required}
}

func options(l i18n.Loc, f form.Field) []ui.Option {
	out := make([]ui.Option, 0, len(f.Options)+1)
	if f.Kind == form.Choice {
		out = append(out, ui.Option{Label: l.T("portal.new.choose")})
	}
	for _, o := range f.Options {
		out = append(out, ui.Option{Value: o.Value, Label: o.Label(l.Lang)})
	}
	return out
}

// Line is one request in the list.
type Line struct {
	ui.Request
	When string // last change
	Who  string // who asked, when it is somebody else
}

// ListView is the list of one's requests.
type ListView struct {
	Tabs  []ui.Tab
	Lines []Line
	Query string
	State string // tab
	Pager ui.Pager
}

// Entry is one thing in a conversation: a message if HTML is set, else an event.
type Entry struct {
	Msg  ui.Msg
	HTML string // sanitised
	Icon string // of an event
	Who  string // in bold at the start of an event; may be empty
	Text string // of an event
	Why  string // what somebody said about it; may be empty
	Time string
}

// Follower is somebody in copy.
type Follower struct {
	ui.Person
	CanDrop bool
}

// RatingView is the question at the end.
type RatingView struct {
	Show    bool   // it may be answered
	Given   bool   // it was
	Edit    bool   // asked for again
	Score   string // "good", "neutral", "bad" or ""
	Comment string
	Error   string // of the score
}

// RequestView is one request as its requester and those in copy read it.
type RequestView struct {
	Ref, Subject, Topic string // Topic: live topic
	Kind                ui.Kind
	State, Sent         string // "Résolue aujourd’hui à 14 h 20", "Envoyée hier depuis le portail"
	Steps               []ui.Step
	Entries             []Entry
	Facts               []ui.KV
	Follows             ui.Person // who works on it; zero: nobody yet
	Watchers            []Follower
	Rating              RatingView
	Reply               ui.Composer
	Seen                string // id of the last message shown
	CanReply            bool
	CanCancel           bool
	CanReopen           bool
	CanWatch            bool // may put others in copy
	Merged              Known
	IsMerged            bool
	Notice              string // why something was refused; empty: nothing was
	Unsent              string // a reply that nothing takes any more; empty: none
}

// replyForm is the id of the form of the reply. The last message seen is sent with it but stands among the messages,
// which reload themselves: who has read a message that came while they wrote is not told of it again.
const replyForm = "reply-form"

// ReplyAttrs are the attributes of the form of the reply.
func ReplyAttrs() templ.Attributes { return templ.Attributes{"id": replyForm} }

// URL is the address of something under the request.
func (v RequestView) URL(rest string) string { return RequestsPath + "/" + v.Ref + rest }

// PeopleView is the choice of a colleague to put in copy.
type PeopleView struct {
	Ref, Subject string
	Query        string
	Found        []ui.Person
	Error        string
}

// CancelView asks before a request is withdrawn.
type CancelView struct {
	Ref, Subject, Why, Error string
}

// Faces are everybody whom the page shows, to give them their pictures.
func (v *RequestView) Faces() []*ui.Person {
	all := []*ui.Person{&v.Follows}
	for i := range v.Entries {
		all = append(all, &v.Entries[i].Msg.Author)
	}
	for i := range v.Watchers {
		all = append(all, &v.Watchers[i].Person)
	}
	return all
}
