package kit

import (
	"encoding/json"
	"net/http"
	"strconv"

	"entraide/internal/base/i18n"
	"entraide/internal/domain/draft"
)

// draftVersion is the header in which a form that saves itself says which draft it knows, and learns what it saved.
const draftVersion = "Draft-Version"

// KnowsDraft reports whether the form that calls knows the draft as it stands; now is the zero Draft when there is
// none. A caller that does not say is trusted: it writes over what is there.
func KnowsDraft(r *http.Request, now draft.Draft) bool {
	said := r.Header.Get(draftVersion)
	return said == "" || said == strconv.FormatInt(now.Version, 10)
}

// DraftSaved tells the form which version it knows from now on, 0 when there is no draft any more.
func DraftSaved(w http.ResponseWriter, version int64) {
	w.Header().Set(draftVersion, strconv.FormatInt(version, 10))
}

// clash is what a form needs to let its reader choose between two texts.
type clash struct {
	Said   string              `json:"said"`
	Values map[string][]string `json:"values"` // of the draft as it stands, by field name
}

// DraftClash answers a form that does not know the draft as it stands with that draft, whose fields are values.
func DraftClash(w http.ResponseWriter, r *http.Request, now draft.Draft, values map[string][]string) error {
	l, c := i18n.From(r.Context()), clash{Values: values}
	if c.Said = l.T("ui.draft.elsewhere"); now.Version == 0 {
		c.Said = l.T("ui.draft.gone")
	}
	DraftSaved(w, now.Version)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusConflict)
	return json.NewEncoder(w).Encode(c)
}
