package mailout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entraide/internal/domain/channel"
)

// Graph sends one message, in MIME form, from a mailbox of Microsoft 365.
// Errors: GraphError when it answered; any other error means that its answer is not known.
type Graph func(ctx context.Context, m channel.Mailbox, s channel.Secrets, raw []byte) error

// GraphError is a refusal of Microsoft Graph, or of the sign-in before it.
type GraphError struct {
	Status int           // of HTTP; 0 = no access token, nothing was sent
	Words  string        // its own
	After  time.Duration // it asks to wait; 0 = it does not
}

// Error implements error.
func (e GraphError) Error() string { return fmt.Sprintf("Microsoft Graph %d: %s", e.Status, e.Words) }

// sendGraph hands m over to Microsoft Graph, which answers once for all of SMTP's steps. Errors: failure.
func sendGraph(ctx context.Context, s Sender, r route, m parcel) error {
	if err := m.begin(); err != nil {
		return failure{handing, err}
	}
	err := s.Graph(ctx, r.box, r.secrets, m.raw)
	if err == nil {
		return nil
	}
	var g GraphError
	if errors.As(err, &g) && g.Status < 500 {
		return failure{answering, err}
	}
	return failure{doubting, err} // a gateway that gives up may have passed it on
}

func judgeGraph(v verdict, f failure, g GraphError) verdict {
	v.words = g.Words
	switch {
	case f.stage == doubting:
		v.doubt = true
	case g.Status == 0, g.Status == 401:
		v.then, v.reason = setUp, "mailout.reason.token"
	case g.Status == 403, g.Status == 404:
		v.then, v.reason = setUp, "mailout.reason.graph_consent"
	case g.Status == 429:
		v.reason, v.after = "mail.reason.later", max(g.After, 10*time.Second)
	case g.Status >= 400:
		v.then, v.reason = never, "mail.reason.refused"
	}
	return v
}
