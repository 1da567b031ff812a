package ui

import "github.com/a-h/templ"

// Voice tells who speaks in a message.
type Voice string

// Voices of a message; the zero value is somebody else's reply.
const (
	Theirs Voice = ""
	Mine   Voice = "mine" // written by the person who looks, on the portal
	Note   Voice = "note" // internal, agents only
)

// Msg is one entry of a conversation. Its body is the children of Message.
type Msg struct {
	ID      string // of the element, to link to it
	Voice   Voice
	Author  Person
	Who     string // "" : Author.Name; "Vous" for oneself
	Detail  string // team and level, or channel
	Time    string // as people read it
	Files   []Attachment
	Pending bool            // waits for the undo delay
	Actions templ.Component // small buttons in the head; nil: none
}

func (m Msg) who() string {
	if m.Who != "" {
		return m.Who
	}
	return m.Author.Name
}

func (m Msg) class() string {
	switch m.Voice {
	case Mine:
		return "msg-mine"
	case Note:
		return "msg-note"
	default:
		return ""
	}
}

// Attachment is a file of a message or of a form.
type Attachment struct {
	ID    string
	Name  string
	Size  string // as people read it
	Href  string
	Thumb string // URL of a small image; empty: an icon
	Icon  string // "" : by the extension of Name
}

// Composer is the form that answers a conversation.
type Composer struct {
	ID           string // prefix of the ids inside; empty: "reply"
	Action       string // URL of the POST
	Label        string // name of the field for screen readers, and its placeholder
	To           string // "à Camille, copie Hélène"
	Value        string // draft
	Error        string
	Kinds        []Option // reply, note, call; fewer than two: no switch
	Kind         string   // the one chosen
	DraftURL     string   // where the draft is kept; empty: nowhere
	DraftNote    string   // what it says at first
	DraftVersion int64    // of the draft shown; 0: none
	Once         string   // sent along so that a double click says it once; empty: not
	UploadURL    string   // where files go; empty: none
	Files        []Attachment
	SuggestURL   string // models "/", articles "#", people "@"; empty: none
	Note         string // a line beside the paper clip
	Send         string // "" : "Envoyer"
	MenuID       string // Menu of other ways to send; empty: none
	Attrs        templ.Attributes
}

func (c Composer) id(part string) string {
	if c.ID == "" {
		return "reply-" + part
	}
	return c.ID + "-" + part
}

func (c Composer) field() templ.Attributes {
	out := templ.Attributes{"placeholder": c.Label}
	if c.SuggestURL != "" {
		out["data-suggest-url"] = c.SuggestURL
	}
	if c.Error != "" {
		out["aria-invalid"] = "true"
		out["aria-describedby"] = c.id("e")
	}
	return out
}
