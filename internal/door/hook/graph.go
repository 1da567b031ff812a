// Package hook is the door at which other systems tell us that something happened.
package hook

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"entraide/internal/base/db"
	"entraide/internal/base/seal"
	"entraide/internal/domain/channel"
)

// GraphPath is where Microsoft Graph tells of new mail.
const GraphPath = "/hooks/graph"

// Hooks takes what other systems tell.
type Hooks struct {
	DB  *db.DB
	Key seal.Key // of the states that we gave
}

// Handler serves everything under /hooks/.
func (h Hooks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+GraphPath, h.graph)
	return mux
}

// maxNotice bounds what one call tells, in bytes.
const maxNotice = 256 << 10

// graph takes change notifications (learn.microsoft.com/graph/change-notifications-delivery-webhooks). They only say that
// something is new: the mailbox is then read as ever, so a lost or a false one does no harm. What does not carry a state
// that we sealed is passed over; the answer is the same, so that nobody learns which mailboxes there are.
func (h Hooks) graph(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("validationToken"); token != "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = io.WriteString(w, token) // Microsoft asks again when it does not hear the answer
		return
	}
	var notice struct {
		Value []struct {
			ClientState string `json:"clientState"`
		} `json:"value"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNotice)).Decode(&notice); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "no notification", http.StatusBadRequest)
		return
	}
	err := h.DB.Write(r.Context(), func(tx *db.Tx) error {
		for _, n := range notice.Value {
			if id, err := h.Key.Open(n.ClientState, channel.GraphState); err == nil {
				tx.Signal(channel.NewsTopic(string(id)))
			}
		}
		return nil
	})
	if err != nil {
		slog.ErrorContext(r.Context(), "notification not passed on", "error", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
