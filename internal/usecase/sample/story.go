package sample

import (
	"slices"
	"time"
)

// Kind says what a Step does.
type Kind string

// What happens to a ticket.
const (
	Message  Kind = "message"  // public, by the requester or an agent
	Note     Kind = "note"     // internal, by an agent
	Assign   Kind = "assign"   // to To
	Escalate Kind = "escalate" // to Team and To, with Handover
	Pend     Kind = "pend"     // on On; Until if On is "date"
	Resume   Kind = "resume"   // end of the wait
	Resolve  Kind = "resolve"  // Text is the public answer, Cause the internal one
	Reopen   Kind = "reopen"   // by the requester, Text is the message
	Rate     Kind = "rate"     // Score, Text the comment or empty
	Merge    Kind = "merge"    // into the story Into, which keeps living
	Cancel   Kind = "cancel"   // by the requester, Text is the reason
	Close    Kind = "close"    // by System, some days after Resolve
)

// System is the author of what nobody does.
const System = "system"

// Handover is what goes along with an escalation.
type Handover struct {
	Tried  string `json:"tried"`
	Known  string `json:"known"`
	Asked  string `json:"asked"`
	Reason string `json:"reason"`
}

// File comes with a message.
type File struct {
	Name string
	Data []byte
}

// Step is one thing that happens in a story.
type Step struct {
	At       time.Time
	Kind     Kind
	By       string // person, or System
	Text     string // Markdown; empty where Kind has no text
	To       string // person
	Team     string
	Handover Handover
	On       string    // requester, third_party or date
	Until    time.Time // zero unless On is date
	Cause    string
	Score    string // good, neutral or bad
	Into     string // ID of a story
	Files    []File
	Spent    int // working minutes of an agent on this step

	into *draft
}

// Story is one ticket from its first message to what it is at the plan's Now.
// Steps holds everything; the fields after it are its result, for those who store the outcome directly.
type Story struct {
	ID              string // stable, to import twice without doubles
	Scenario        string
	Type            string // incident or request
	Lang            string
	Subject         string
	Requester       string // person
	Channel         string // portal, mail, phone or chat
	Category        string
	Impact, Urgency int // 1 (highest) to 4
	Tags            []string
	Watchers        []string // people
	Arrival         string   // team of the queue where it arrives
	CreatedAt       time.Time
	Steps           []Step // by time; the first is the requester's message at CreatedAt

	Status       string // new, open, pending, resolved, closed or cancelled
	Pending      string // requester, third_party or date while pending
	PendingUntil time.Time
	Team         string
	Level        int
	Assignee     string // person, empty while nobody took it
	FirstReplyAt time.Time
	ResolvedAt   time.Time
	ClosedAt     time.Time
	MergedInto   string // ID of a story
	Score        string // empty, or the last rating
	UpdatedAt    time.Time
}

// Open reports whether somebody still has something to do.
func (s Story) Open() bool { return s.Status == "new" || s.Status == "open" || s.Status == "pending" }

// draft is a story being told.
type draft struct {
	Story
	facts facts
}

// cut forgets what would happen after now. Times become UTC milliseconds.
func (d *draft) cut(now time.Time) {
	d.CreatedAt = d.CreatedAt.UTC().Truncate(time.Millisecond)
	for i := range d.Steps {
		s := &d.Steps[i]
		s.At = s.At.UTC().Truncate(time.Millisecond)
		if !s.Until.IsZero() {
			s.Until = s.Until.UTC()
		}
	}
	i := slices.IndexFunc(d.Steps, func(s Step) bool { return s.At.After(now) })
	if i >= 0 {
		d.Steps = d.Steps[:i]
	}
}

// stall leaves a story of a higher level unfinished: every desk has some tickets that wait.
func (d *draft) stall() {
	if !slices.ContainsFunc(d.Steps, func(s Step) bool { return s.Kind == Escalate }) {
		return
	}
	if i := slices.IndexFunc(d.Steps, func(s Step) bool { return s.Kind == Resolve }); i >= 0 {
		d.Steps = d.Steps[:i]
	}
}

// settle replays the steps and fills the fields after Steps.
func (d *draft) settle(levels map[string]int) {
	d.Status, d.Team, d.Level = "new", d.Arrival, levels[d.Arrival]
	for i := range d.Steps {
		s := &d.Steps[i]
		d.UpdatedAt = s.At
		switch s.Kind {
		case Message:
			d.heard(s)
		case Assign:
			d.Assignee = s.To
			if s.By == s.To {
				d.Status = "open"
			}
		case Escalate:
			d.Team, d.Level, d.Assignee = s.Team, levels[s.Team], s.To
			d.Status, d.Pending, d.PendingUntil = "open", "", time.Time{}
		case Pend:
			d.Status, d.Pending, d.PendingUntil = "pending", s.On, s.Until
		case Resume:
			d.Status, d.Pending, d.PendingUntil = "open", "", time.Time{}
		case Resolve:
			d.Status, d.Pending, d.PendingUntil, d.ResolvedAt = "resolved", "", time.Time{}, s.At
			if d.FirstReplyAt.IsZero() {
				d.FirstReplyAt = s.At
			}
		case Reopen:
			d.Status, d.ResolvedAt = "open", time.Time{}
		case Rate:
			d.Score = s.Score
		case Merge:
			s.Into = s.into.ID
			d.Status, d.MergedInto, d.ClosedAt = "closed", s.Into, s.At
		case Cancel:
			d.Status, d.ClosedAt = "cancelled", s.At
		case Close:
			d.Status, d.ClosedAt = "closed", s.At
		}
	}
}

// heard settles a public message: the requester's ends a wait on the requester, the first of an agent counts.
func (d *draft) heard(s *Step) {
	switch {
	case s.By == d.Requester:
		if d.Pending == "requester" {
			d.Status, d.Pending = "open", ""
		}
	case d.FirstReplyAt.IsZero():
		d.FirstReplyAt = s.At
		if d.Status == "new" {
			d.Status = "open"
		}
	}
}
