package ticket

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// check names what is wrong with an import; t is its ticket with texts cleaned.
func (im Imported) check(t Ticket) []errs.Field {
	wrong := checkSubject(t.Subject)
	if t.ExternalID == "" || utf8.RuneCountInString(t.ExternalID) > 200 {
		wrong = append(wrong, errs.Field{Name: "external_id", Key: "ticket.external_id"})
	}
	if t.CreatedAt.IsZero() {
		wrong = append(wrong, errs.Field{Name: "created_at", Key: "ticket.created_missing"})
	}
	among(&wrong, "type", t.Kind, Kinds()...)
	among(&wrong, "status", t.Status, Statuses()...)
	among(&wrong, "channel", t.Channel, Portal, Mail, Chat, Phone, API)
	if t.Status == Pending {
		among(&wrong, "pending_on", t.PendingOn, OnRequester, OnThirdParty, OnDate)
	}
	within(&wrong, "impact", t.Impact, 4)
	within(&wrong, "urgency", t.Urgency, 4)
	within(&wrong, "priority", t.Priority, 4)
	within(&wrong, "level", t.Level, 3)
	if len(im.Messages) == 0 {
		wrong = append(wrong, errs.Field{Name: "messages", Key: "ticket.body_missing"})
	}
	for i, m := range im.Messages {
		at := "messages." + strconv.Itoa(i) + "."
		if text.Blank(m.Body) && m.HTML == "" && len(m.Files) == 0 {
			wrong = append(wrong, errs.Field{Name: at + "body", Key: "ticket.body_missing"})
		}
		among(&wrong, at+"visibility", m.Visibility, Public, Internal)
		among(&wrong, at+"channel", m.Channel, Portal, Mail, Chat, Phone, API)
	}
	if im.Rating != nil {
		among(&wrong, "rating.score", im.Rating.Score, "good", "neutral", "bad")
	}
	return wrong
}

// among notes a value that is none of those allowed.
func among[T ~string](wrong *[]errs.Field, field string, v T, allowed ...T) {
	names := make([]string, len(allowed))
	for i, one := range allowed {
		if v == one {
			return
		}
		names[i] = string(one)
	}
	refuse(wrong, field, string(v), strings.Join(names, ", "))
}

// within notes a step that is not of a scale from 1 to last.
func within(wrong *[]errs.Field, field string, v, last int) {
	if v < 1 || v > last {
		refuse(wrong, field, strconv.Itoa(v), fmt.Sprintf("1–%d", last))
	}
}

func refuse(wrong *[]errs.Field, field, value, allowed string) {
	*wrong = append(*wrong, errs.Field{Name: field, Key: "ticket.value", Args: []any{"value", text.Excerpt(value, 60), "allowed", allowed}})
}
