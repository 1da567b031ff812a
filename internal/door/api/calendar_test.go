package api_test

import (
	"strings"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
)

func TestCalendarPreview(t *testing.T) {
	k := newDesk(t, dbtest.Open(t, db.SQLite, dbtest.Options{}))
	nine := obj{"mon": [][]string{{"09:00", "12:00"}, {"13:00", "18:00"}}, "tue": [][]string{{"09:00", "18:00"}}}
	ask := func(cal obj) result {
		return k.call("alice", "POST", "/api/v1/calendars/preview", obj{"calendar": cal, "questions": []obj{
			{"id": "a", "op": "add", "start": "2026-04-06T09:00:00+02:00", "minutes": 60},
			{"id": "b", "op": "between", "start": "2026-03-30T00:00:00Z", "end": "2026-03-31T00:00:00Z"},
			{"id": "c", "op": "open", "start": "2026-03-30T10:00:00Z"},
			{"id": "d", "op": "add", "start": "demain", "minutes": 1}}})
	}
	r := ask(obj{"tz": "Europe/Paris", "hours": nine, "holidays": obj{"country": "FR"}}).want(200)
	if end := r.str("answers", 0, "end"); end != "2026-04-07T08:00:00Z" {
		t.Errorf("an hour from Easter Monday ends at %s", end)
	}
	if n := r.at("answers", 1, "minutes"); n != 480.0 {
		t.Errorf("a Monday has %v minutes", n)
	}
	if open := r.at("answers", 2, "open"); open != false {
		t.Errorf("at noon it is open: %v", open)
	}
	if said := r.str("answers", 3, "error"); !strings.HasPrefix(said, "start: ") || !strings.Contains(said, "demain") {
		t.Errorf("a bad question is told %q", said)
	}
	if end := ask(obj{"tz": "Europe/Paris", "hours": nine, "holidays": []string{"2026-04-06"}}).want(200).str("answers", 0, "end"); end != "2026-04-07T08:00:00Z" {
		t.Errorf("with a list of days it ends at %s", end)
	}
	ask(obj{"tz": "Mars/Olympus", "hours": nine}).want(422)
	ask(obj{"tz": "UTC", "hours": obj{"mon": [][]string{{"09:00", "12:00"}, {"11:00", "13:00"}}}}).want(422)
	ask(obj{"tz": "UTC", "hours": nine, "holidays": obj{"country": "XX"}}).want(422)
}
