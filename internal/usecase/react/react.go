// Package react is the one table "event kind → who reacts".
//
// A reader is named here and run by the roof. Adding one means adding its kinds below and its React function at wiring;
// events that happened before have no to-do row for it.
package react

import (
	"slices"

	"entraide/internal/usecase/problems"
	"entraide/internal/usecase/promise"
	"entraide/internal/usecase/recipients"
	"entraide/internal/usecase/scripts"
)

// Readers returns the names of those who react to an event kind.
func Readers(kind string) []string {
	var names []string
	if slices.Contains(recipients.Kinds(), kind) {
		names = append(names, recipients.Reader)
	}
	if slices.Contains(promise.Kinds(), kind) {
		names = append(names, promise.Name)
	}
	if slices.Contains(problems.Kinds(), kind) {
		names = append(names, problems.Name)
	}
	if slices.Contains(scripts.Kinds(), kind) {
		names = append(names, scripts.Name)
	}
	return names
}
