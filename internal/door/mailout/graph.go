package mailout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"entraide/internal/base/msgraph"
	"entraide/internal/domain/channel"
)

// Graph sends one message, in MIME form, from a mailbox of Microsoft 365, with an access token.
// Errors: GraphError when it answered; any other error means that its answer is not known.
type Graph func(ctx context.Context, m channel.Mailbox, token string, mail GraphMail) error

// GraphMail is what Microsoft Graph is given.
type GraphMail struct {
	Raw   []byte
	Files []msgraph.File // that Raw does not contain, as all in one would be too much for a request; nil = it has them
}

// GraphError is a refusal of Microsoft Graph.
type GraphError struct {
	Status int           // of HTTP; 0 = none came
	Unsent bool          // it is certain that nothing left, whatever the status
	Words  string        // its own
	After  time.Duration // it asks to wait; 0 = it does not
}

// Error implements error.
func (e GraphError) Error() string { return fmt.Sprintf("Microsoft Graph %d: %s", e.Status, e.Words) }

// sendGraph hands m over to Microsoft Graph, which answers once for all of SMTP's steps. Errors: failure.
func sendGraph(ctx context.Context, s Sender, r route, m parcel) error {
	token, err := s.Token(ctx, r.box, r.secrets)
	if err != nil {
		return failure{signing, tokenError{err}}
	}
	if err := m.begin(); err != nil {
		return failure{handing, err}
	}
	err = s.Graph(ctx, r.box, token, GraphMail{m.raw, m.files})
	var g GraphError
	if errors.As(err, &g) && g.Status == http.StatusUnauthorized { // revoked before its time
		if token, err = s.another(ctx, r, token); err != nil {
			return failure{signing, tokenError{err}}
		}
		err = s.Graph(ctx, r.box, token, GraphMail{m.raw, m.files})
	}
	var dial *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &g) && (g.Unsent || g.Status < 500 || msgraph.Later(g.Status)):
		return failure{answering, err}
	case errors.As(err, &dial) && dial.Op == "dial":
		return failure{connecting, err}
	}
	return failure{doubting, err} // a gateway that gives up may have passed it on
}

// another returns a token in place of one that a service refuses.
func (s Sender) another(ctx context.Context, r route, refused string) (string, error) {
	if s.Spent != nil {
		s.Spent(refused)
	}
	return s.Token(ctx, r.box, r.secrets)
}

// How long a mail waits that Microsoft Graph asks to bring later: at least, and at most whatever it says.
const (
	graphRest = 10 * time.Second
	graphMost = time.Hour
)

func judgeGraph(v verdict, f failure, g GraphError) verdict {
	v.words = g.Words
	switch {
	case f.stage == doubting:
		v.doubt = true
	case g.Status == 401:
		v.then, v.reason = setUp, "mailout.reason.token"
	case g.Status == 403, g.Status == 404:
		v.then, v.reason = setUp, "mailout.reason.graph_consent"
	case msgraph.Later(g.Status):
		v.reason, v.after = "mail.reason.later", min(max(g.After, graphRest), graphMost)
	case g.Status >= 500:
		v.reason = "mail.reason.later"
	case g.Status >= 400:
		v.then, v.reason = never, "mail.reason.refused"
	}
	return v
}
