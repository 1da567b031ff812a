package ticket

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/errs"
)

// Kind is the ITIL type.
type Kind string

// The kinds.
const (
	Incident Kind = "incident" // something is broken or degraded
	Request  Kind = "request"  // somebody wants something
	Problem  Kind = "problem"  // the cause of incidents
)

// Kinds lists all kinds in the order in which forms show them.
func Kinds() []Kind { return []Kind{Incident, Request, Problem} }

// prefix begins references.
func (k Kind) prefix() string {
	switch k {
	case Request:
		return "REQ"
	case Problem:
		return "PRB"
	default:
		return "INC"
	}
}

// series names the numbers a kind draws from: an incident may turn out to be a request and keeps its number.
func (k Kind) series() string {
	if k == Problem {
		return "P"
	}
	return "T"
}

// Status is where a ticket stands.
type Status string

// The statuses. New, Open and Pending are active.
const (
	New       Status = "new"       // nobody has taken it
	Open      Status = "open"      // somebody works on it
	Pending   Status = "pending"   // waits, see PendingOn
	Resolved  Status = "resolved"  // answered; reopens within the delay of Policy
	Closed    Status = "closed"    // final
	Cancelled Status = "cancelled" // withdrawn; final
)

// Statuses lists all statuses in the order of a ticket's life.
func Statuses() []Status { return []Status{New, Open, Pending, Resolved, Closed, Cancelled} }

// Active reports whether the desk still has something to do.
func (s Status) Active() bool { return s == New || s == Open || s == Pending }

// PendingOn is what a pending ticket waits for.
type PendingOn string

// What a ticket may wait for.
const (
	OnRequester  PendingOn = "requester"
	OnThirdParty PendingOn = "third_party"
	OnDate       PendingOn = "date" // until PendingUntil
)

// Channel is the way something came in.
type Channel string

// The channels.
const (
	Portal Channel = "portal"
	Mail   Channel = "mail"
	Chat   Channel = "chat"
	Phone  Channel = "phone"
	API    Channel = "api"
)

// Ticket is one matter the desk follows, from first message to closure.
type Ticket struct {
	ID           string // 26 characters, sortable by creation
	Number       int64  // within its series; never reused
	Kind         Kind
	Subject      string // plain text, at most 200 characters
	Status       Status
	PendingOn    PendingOn // "" unless pending
	PendingUntil time.Time // zero = no date
	Impact       int       // 1 (highest) to 4
	Urgency      int       // 1 (highest) to 4
	Priority     int       // 1 (highest) to 4, by the matrix unless set by hand
	CategoryID   string    // "" = none yet
	QueueID      string
	Level        int    // of the queue: 1, 2 or 3
	AssigneeID   string // "" = nobody
	RequesterID  string
	Channel      Channel
	MergedInto   string         // ticket id; "" = not merged
	ExternalID   string         // in the system it was imported from, or the caller's
	Fields       map[string]any // custom fields by key
	Cause        string         // given at resolution
	Reopened     int            // times
	Messages     int            // public and internal, sent
	DueResponse  time.Time      // zero = no promise
	DueResolved  time.Time      // zero = no promise
	RespondedAt  time.Time      // first public answer of the desk; zero = none yet
	ResolvedAt   time.Time      // zero until resolved
	ClosedAt     time.Time      // zero until closed or cancelled
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Version      int64 // grows by one at each change of the above but for messages

	// Of the neighbours, for showing and for deciding.
	QueueName, TeamID      string
	Private                bool // the queue is read by its team only
	Requester, Email, Site string
	Assignee               string // name
}

// NextDue is the next promised moment: of the first answer while there is none, else of the resolution; zero = nothing is
// promised, or the clocks stand still.
func (t Ticket) NextDue() time.Time {
	if t.RespondedAt.IsZero() && !t.DueResponse.IsZero() && (t.DueResolved.IsZero() || t.DueResponse.Before(t.DueResolved)) {
		return t.DueResponse
	}
	return t.DueResolved
}

// Reference is the name people use: "INC-1042".
func (t Ticket) Reference() string { return t.Kind.prefix() + "-" + strconv.FormatInt(t.Number, 10) }

// Ref is how other rooms name the ticket.
func (t Ticket) Ref() string { return "ticket/" + t.ID }

// ParseReference reads "INC-1042", in any case. ok is false for anything else. INC and REQ share their numbers, so
// both find a ticket whose kind was corrected.
func ParseReference(s string) (series string, number int64, ok bool) {
	prefix, num, found := strings.Cut(strings.TrimSpace(s), "-")
	n, err := strconv.ParseInt(num, 10, 64)
	if !found || err != nil || n < 1 {
		return "", 0, false
	}
	switch strings.ToUpper(prefix) {
	case "INC", "REQ":
		return "T", n, true
	case "PRB":
		return "P", n, true
	}
	return "", 0, false
}

// AsAgent reports whether a sees t as the desk does, internal notes included. It presumes that a may see t at all.
func (t Ticket) AsAgent(a auth.Actor) bool {
	return a.Admin() || a.Agent() && (!t.Private || a.Works(t.TeamID))
}

// Own reports whether a is the one who asked.
func (t Ticket) Own(a auth.Actor) bool { return a.ID != "" && a.ID == t.RequesterID }

func (t Ticket) refuse(kind error, key string) error {
	return fmt.Errorf("ticket %s: %w", t.Reference(), errs.Because(kind, key, "ref", t.Reference()))
}

// MayWork returns nil if a may change t as the desk does: assign, set, escalate, link.
// Errors: errs.Forbidden if a is not of t's team, errs.Conflict if t is closed, cancelled or merged.
func (t Ticket) MayWork(a auth.Actor) error {
	switch {
	case !a.Works(t.TeamID):
		return t.refuse(errs.Forbidden, "ticket.not_your_team")
	case t.MergedInto != "":
		return t.refuse(errs.Conflict, "ticket.is_merged")
	case t.Status == Closed || t.Status == Cancelled:
		return t.refuse(errs.Conflict, "ticket.is_closed")
	}
	return nil
}

// MayReply returns nil if a may add a public message to t.
// Errors: errs.Forbidden for agents of other teams who are not on the ticket, errs.Conflict if t is closed or merged.
func (t Ticket) MayReply(a auth.Actor) error {
	if t.MergedInto != "" {
		return t.refuse(errs.Conflict, "ticket.is_merged")
	}
	if t.Status == Closed || t.Status == Cancelled {
		return t.refuse(errs.Conflict, "ticket.is_closed")
	}
	return nil // whoever sees it takes part; Find has settled that
}

// MayNote returns nil if a may add an internal note: every agent who sees t as one may, also outside its team and
// after its end.
// Errors: errs.Forbidden.
func (t Ticket) MayNote(a auth.Actor) error {
	if !t.AsAgent(a) {
		return t.refuse(errs.Forbidden, "ticket.agents_only")
	}
	return nil
}

// MayResolve returns nil if a may resolve t now. Pages ask it before they show the button.
// Errors: as MayWork, and errs.Conflict if t is resolved already.
func (t Ticket) MayResolve(a auth.Actor) error {
	if err := t.MayWork(a); err != nil {
		return err
	}
	if t.Status == Resolved {
		return t.refuse(errs.Conflict, "ticket.is_resolved")
	}
	return nil
}

// MayReopen returns nil if a may reopen t at now.
// Errors: errs.Forbidden for strangers, errs.Conflict unless t is resolved, or when the requester comes after the delay.
func (t Ticket) MayReopen(a auth.Actor, p Policy, now time.Time) error {
	switch {
	case !t.Own(a) && !a.Works(t.TeamID):
		return t.refuse(errs.Forbidden, "ticket.not_your_team")
	case t.MergedInto != "":
		return t.refuse(errs.Conflict, "ticket.is_merged")
	case t.Status != Resolved:
		return t.refuse(errs.Conflict, "ticket.not_resolved")
	case !a.Works(t.TeamID) && now.After(t.ResolvedAt.AddDate(0, 0, p.ReopenDays)):
		return t.refuse(errs.Conflict, "ticket.too_late")
	}
	return nil
}

// MayCancel returns nil if a may withdraw t: its requester, or the desk.
// Errors: errs.Forbidden, errs.Conflict unless t is active.
func (t Ticket) MayCancel(a auth.Actor) error {
	switch {
	case !t.Own(a) && !a.Works(t.TeamID):
		return t.refuse(errs.Forbidden, "ticket.not_your_team")
	case !t.Status.Active():
		return t.refuse(errs.Conflict, "ticket.not_active")
	}
	return nil
}

// MayRate returns nil if a may say how it went: the requester, once t is resolved or closed.
// Errors: errs.Forbidden, errs.Conflict.
func (t Ticket) MayRate(a auth.Actor) error {
	switch {
	case !t.Own(a):
		return t.refuse(errs.Forbidden, "ticket.requester_only")
	case t.Status != Resolved && t.Status != Closed || t.MergedInto != "":
		return t.refuse(errs.Conflict, "ticket.not_resolved")
	}
	return nil
}
