package importing

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/ticket"
)

// person is somebody as a source names them.
type person struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// UnmarshalJSON also reads a bare name or address.
func (p *person) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		if p.Name = s; strings.Contains(s, "@") {
			p.Email = s
		}
		return nil
	}
	type plain person
	return json.Unmarshal(b, (*plain)(p))
}

func (p person) key() string {
	if p.Email != "" {
		return strings.ToLower(p.Email)
	}
	return p.Name
}

// moment is a time in RFC 3339 or without zone, which is then taken as UTC.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil || s == "" {
		return err
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			m.Time = t.UTC().Truncate(time.Millisecond)
			return nil
		}
	}
	return fmt.Errorf("time %q", s)
}

type file struct {
	Name   string `json:"name"`
	Path   string `json:"path"` // relative to the import file
	Base64 string `json:"base64"`
}

func (f file) bytes() ([]byte, error) { return base64.StdEncoding.DecodeString(f.Base64) }

type message struct {
	Author      person `json:"author"`
	At          moment `json:"at"`
	Visibility  string `json:"visibility"`
	Body        string `json:"body"`
	Attachments []file `json:"attachments"`
}

type change struct {
	At       moment          `json:"at"`
	Actor    person          `json:"actor"`
	State    string          `json:"state"`
	Queue    string          `json:"queue"`
	Assignee string          `json:"assignee"`
	Priority int             `json:"priority"`
	Level    json.RawMessage `json:"level"`
}

// record is one line of the ticket import format of the contract.
type record struct {
	ExternalID string         `json:"external_id"`
	Type       string         `json:"type"`
	Channel    string         `json:"channel"`
	Subject    string         `json:"subject"`
	Body       string         `json:"body"`
	Requester  person         `json:"requester"`
	CreatedAt  moment         `json:"created_at"`
	ResolvedAt moment         `json:"resolved_at"`
	ClosedAt   moment         `json:"closed_at"`
	Status     string         `json:"status"`
	Impact     int            `json:"impact"`
	Urgency    int            `json:"urgency"`
	Priority   int            `json:"priority"`
	Category   []string       `json:"category"`
	Queue      string         `json:"queue"`
	Level      int            `json:"level"`
	Assignee   *person        `json:"assignee"`
	Tags       []string       `json:"tags"`
	Fields     map[string]any `json:"fields"`
	Messages   []message      `json:"messages"`
	History    []change       `json:"history"`
}

// known are the keys of record.
var known = []string{"external_id", "type", "channel", "subject", "body", "requester", "created_at", "resolved_at", "closed_at",
	"status", "impact", "urgency", "priority", "category", "queue", "level", "assignee", "tags", "fields", "messages", "history"}

// read decodes one line; keys it does not know go to the fields and are returned.
func read(line []byte) (record, []string, error) {
	var rec record
	if err := json.Unmarshal(line, &rec); err != nil {
		return rec, nil, errs.InvalidField("line", "importing.json", "why", err.Error())
	}
	var all map[string]any
	if err := json.Unmarshal(line, &all); err != nil {
		return rec, nil, errs.InvalidField("line", "importing.json", "why", err.Error())
	}
	var unknown []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if slices.Contains(known, k) {
			continue
		}
		unknown = append(unknown, k)
		if rec.Fields == nil {
			rec.Fields = make(map[string]any)
		}
		rec.Fields[k] = all[k]
	}
	return rec, unknown, rec.check()
}

// check completes what may be left out and names what is missing; wrong values are for ticket.Import to refuse.
func (r *record) check() error {
	if r.Type == "" {
		r.Type = string(ticket.Incident)
	}
	if r.Channel == "" {
		r.Channel = string(ticket.Portal)
	}
	if r.Status == "" {
		switch {
		case !r.ClosedAt.IsZero():
			r.Status = string(ticket.Closed)
		case !r.ResolvedAt.IsZero():
			r.Status = string(ticket.Resolved)
		default:
			r.Status = string(ticket.New)
		}
	}
	if r.Impact == 0 {
		r.Impact = 3
	}
	if r.Urgency == 0 {
		r.Urgency = 3
	}
	var wrong []errs.Field
	if r.Priority < 0 || r.Priority > 4 {
		r.Priority = min(max(r.Priority, 1), 4) // other scales have a fifth step; the lowest is the lowest
	}
	if r.Requester.key() == "" {
		wrong = append(wrong, errs.Field{Name: "requester", Key: "importing.missing"})
	}
	return errs.InvalidFields(wrong)
}

// Bad is an item that was refused.
type Bad struct {
	Line int
	ID   string // external id; "" when unreadable
	Err  error
}

// In is b in a language, for the report.
func (b Bad) In(l i18n.Loc) map[string]any {
	out := map[string]any{"line": b.Line, "external_id": b.ID}
	if fields := errs.Fields(b.Err); len(fields) > 0 {
		var why []string
		for _, f := range fields {
			why = append(why, f.Name+": "+l.T(f.Key, f.Args...))
		}
		out["why"] = why
		return out
	}
	out["why"] = []string{b.Err.Error()}
	if key, args, ok := errs.Reason(b.Err); ok {
		out["why"] = []string{l.T(key, args...)}
	}
	return out
}

// refused reports whether err is the item's fault, not the machine's.
func refused(err error) bool {
	return errors.Is(err, errs.Invalid) || errors.Is(err, errs.NotFound) || errors.Is(err, errs.Conflict)
}
