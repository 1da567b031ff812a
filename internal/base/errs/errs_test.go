package errs_test

import (
	"errors"
	"fmt"
	"testing"

	"entraide/internal/base/errs"
)

func TestFieldsSurviveWrapping(t *testing.T) {
	err := fmt.Errorf("open ticket: %w", errs.InvalidField("subject", "ticket.subject.missing", "max", 200))
	if !errors.Is(err, errs.Invalid) {
		t.Fatalf("%v is not Invalid", err)
	}
	f := errs.Fields(err)
	if len(f) != 1 || f[0].Name != "subject" || f[0].Key != "ticket.subject.missing" || f[0].Args[1] != 200 {
		t.Fatalf("fields = %+v", f)
	}
	if errs.Fields(errs.NotFound) != nil || errs.InvalidFields(nil) != nil {
		t.Error("fields out of nothing")
	}
}

func TestReasonSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("resolve: %w", errs.Because(errs.Conflict, "ticket.already", "ref", "INC-1"))
	key, args, ok := errs.Reason(err)
	if !errors.Is(err, errs.Conflict) || !ok || key != "ticket.already" || args[1] != "INC-1" {
		t.Fatalf("%v %v %v", key, args, ok)
	}
	if _, _, ok := errs.Reason(errs.Conflict); ok {
		t.Error("a bare kind has no reason")
	}
}
