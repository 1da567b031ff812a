package calendar_test

import (
	"encoding/json"
	"strings"
	"testing"

	"entraide/internal/base/errs"
	"entraide/internal/domain/calendar"
)

func TestAsk(t *testing.T) {
	book, err := calendar.ReadBook(strings.NewReader(`{"paris":{"tz":"Europe/Paris","hours":{` + office + `},"holidays":{"country":"FR"}},
		"odd":{"tz":"UTC","hours":5},"night":{"tz":"UTC","hours":{"mon":[["22:00","06:00"]],"tue":[["05:00","07:00"]]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]string{ // an answer, or the fields that are wrong
		`{"id":7,"calendar":"paris","op":"add","start":"2026-03-02T08:00:00Z","minutes":90}`:                                                              `{"id":7,"end":"2026-03-02T09:30:00Z"}`,
		`{"id":"x","calendar":"paris","op":"add","start":"2026-03-02T08:00:00Z","minutes":0.5}`:                                                           `{"id":"x","end":"2026-03-02T08:00:30Z"}`,
		`{"id":"p","calendar":"paris","op":"add","start":"2026-03-02T08:00:00Z","minutes":60,"pauses":[["2026-03-02T08:30:00Z","2026-03-02T09:00:00Z"]]}`: `{"id":"p","end":"2026-03-02T09:30:00Z"}`,
		`{"id":"b","calendar":"paris","op":"between","start":"2026-03-02T00:00:00+01:00","end":"2026-03-03T00:00:00+01:00"}`:                              `{"id":"b","minutes":480}`,
		`{"id":"s","calendar":"paris","op":"between","start":"2026-03-02T08:00:00Z","end":"2026-03-02T08:00:15Z"}`:                                        `{"id":"s","minutes":0.25}`,
		`{"id":"o","calendar":"paris","op":"open","start":"2026-05-01T10:00:00Z"}`:                                                                        `{"id":"o","open":false}`,
		`{"calendar":"nowhere","op":"open","start":"2026-05-01T10:00:00Z"}`:                                                                               "calendar",
		`{"calendar":"odd","op":"open","start":"2026-05-01T10:00:00Z"}`:                                                                                   "calendar",
		`{"calendar":"night","op":"open","start":"2026-05-01T10:00:00Z"}`:                                                                                 "hours.tue",
		`{"calendar":"paris","op":"sleep","start":"2026-05-01T10:00:00Z"}`:                                                                                "op",
		`{"calendar":"paris","op":"open","start":"yesterday"}`:                                                                                            "start",
		`{"calendar":"paris","op":"add","start":"2026-05-01T10:00:00Z"}`:                                                                                  "minutes",
		`{"calendar":"paris","op":"add","start":"2026-05-01T10:00:00Z","minutes":-1}`:                                                                     "minutes",
		`{"calendar":"paris","op":"add","start":"2026-05-01T10:00:00Z","minutes":1e300}`:                                                                  "minutes",
		`{"calendar":"paris","op":"add","start":"2026-05-01T10:00:00Z","minutes":100000000}`:                                                              "start",
		`{"calendar":"paris","op":"between","start":"2026-05-02T10:00:00Z","end":"2026-05-01T10:00:00Z"}`:                                                 "end",
		`{"calendar":"paris","op":"add","start":"2026-05-01T10:00:00Z","minutes":5,"pauses":[[null,"2026-05-01T10:00:00Z"]]}`:                             "pauses[0]",
		`{"calendar":"paris","op":"add","start":"2026-05-01T10:00:00Z","minutes":5,"pauses":[["2026-05-01T10:00:00Z",null]]}`:                             "start",
	} {
		var q calendar.Question
		if err := json.Unmarshal([]byte(question), &q); err != nil {
			t.Fatal(err)
		}
		a, err := book.Ask(q)
		if err != nil {
			if f := errs.Fields(err); len(f) != 1 || f[0].Name != want {
				t.Errorf("%s: %v, want %s", question, err, want)
			}
			continue
		}
		if got, err := json.Marshal(a); err != nil || string(got) != want {
			t.Errorf("%s: %s, want %s (%v)", question, got, want, err)
		}
	}
	if _, err := calendar.ReadBook(strings.NewReader("[1]")); len(errs.Fields(err)) != 1 {
		t.Errorf("a file that is no object: %v", err)
	}
}
