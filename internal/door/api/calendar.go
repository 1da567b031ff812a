package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"entraide/internal/base/errs"
	"entraide/internal/domain/calendar"
)

type previewIn struct {
	Keyed
	Body struct {
		Calendar  calendarJSON   `json:"calendar" doc:"The calendar to try; nothing is stored."`
		Questions []questionJSON `json:"questions" nullable:"false" minItems:"1" maxItems:"1000"`
	}
}

type calendarJSON struct {
	Zone     string                     `json:"tz" example:"Europe/Paris" doc:"IANA time zone."`
	Hours    map[string][]calendar.Span `json:"hours" doc:"Periods of each day, mon to sun: [[\"09:00\",\"12:30\"],[\"13:30\",\"18:00\"]]. A period may pass midnight; a day left out is closed."`
	Holidays holidaysJSON               `json:"holidays" required:"false" doc:"Days (2026-05-01, or 12-24 for each year), closures {from, to}, public holidays {country, region}: a list, or one country alone."`
}

// holidaysJSON is calendar.Holidays, whose two forms a schema by reflection would not tell.
type holidaysJSON struct{ calendar.Holidays }

// UnmarshalJSON reads both forms.
func (h *holidaysJSON) UnmarshalJSON(b []byte) error { return h.Holidays.UnmarshalJSON(b) }

// Schema documents that there are two forms.
func (holidaysJSON) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeArray, Items: &huma.Schema{}}, {Type: huma.TypeObject}},
		Examples: []any{map[string]any{"country": "FR", "region": "57"}}}
}

type questionJSON struct {
	ID      string       `json:"id" required:"false" doc:"Given back with the answer."`
	Op      string       `json:"op" enum:"add,between,open" doc:"add: when have minutes been worked since start? between: how many are worked from start to end? open: is start working time?"`
	Start   string       `json:"start" example:"2026-03-02T08:00:00Z"`
	End     string       `json:"end,omitempty" example:"2026-03-03T08:00:00Z"`
	Minutes *float64     `json:"minutes,omitempty" example:"480"`
	Pauses  [][2]*string `json:"pauses,omitempty" doc:"Times that do not count, from and to; a to of null has no end yet."`
}

type previewJSON struct {
	Answers []answerJSON `json:"answers" nullable:"false" doc:"In the order of the questions."`
}

type answerJSON struct {
	ID      string   `json:"id,omitempty"`
	End     *string  `json:"end,omitempty" example:"2026-03-02T17:00:00Z"`
	Minutes *float64 `json:"minutes,omitempty"`
	Open    *bool    `json:"open,omitempty"`
	Error   string   `json:"error,omitempty" doc:"What is wrong with the question, in the caller's language."`
}

func (s *server) calendarRoutes() {
	o := s.op(http.MethodPost, "/calendars/preview", "preview-calendar", "tickets:read", "calendars")
	huma.Register(s.api, o, func(ctx context.Context, in *previewIn) (*answer[previewJSON], error) {
		c := callOf(ctx)
		cal, err := calendar.Compile(calendar.Spec{Zone: in.Body.Calendar.Zone, Hours: in.Body.Calendar.Hours, Holidays: in.Body.Calendar.Holidays.Holidays})
		if err != nil {
			return nil, s.fault(c, err)
		}
		out := previewJSON{Answers: make([]answerJSON, len(in.Body.Questions))}
		for i, q := range in.Body.Questions {
			out.Answers[i] = answerQuestion(c, cal, q)
		}
		return &answer[previewJSON]{Status: http.StatusOK, Body: payload[previewJSON]{v: out}}, nil
	})
}

func answerQuestion(c *call, cal *calendar.Calendar, q questionJSON) answerJSON {
	out := answerJSON{ID: q.ID}
	a, err := cal.Ask(calendar.Question{Op: q.Op, Start: q.Start, End: q.End, Minutes: q.Minutes, Pauses: q.Pauses})
	for _, f := range errs.Fields(err) {
		if out.Error != "" {
			out.Error += " "
		}
		out.Error += f.Name + ": " + c.loc.T(f.Key, f.Args...)
	}
	if a.End != nil {
		end := a.End.Format("2006-01-02T15:04:05.999999999Z07:00")
		out.End = &end
	}
	out.Minutes, out.Open = a.Minutes, a.Open
	return out
}
