package mailin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/msgraph"
	"entraide/internal/base/oauth"
	"entraide/internal/domain/channel"
	"entraide/internal/door/mailin"
)

// tenant stands in for Microsoft Graph: a folder with delta query by pages of two, messages in MIME form, marks, moves.
// It follows the documented protocol; the service itself cannot be had in tests.
type tenant struct {
	t  *testing.T
	mu sync.Mutex
	// changes is the log of the inbox: ids, in the order in which they changed.
	changes []string
	mails   map[string]*letter
	refuse  map[string]int // method and last word of the path → status of the next answers, one each time
	since   int            // changes before it are forgotten: an older link must begin anew
	fetched map[string]int
	urls    string
	hooks   []string // what was asked about subscriptions
	gone    bool     // every link is too old, the beginning as well
	asked   int      // for changes
}

type letter struct {
	raw    string
	read   bool
	folder string
	at     time.Time
}

func newTenant(t *testing.T) (*tenant, *msgraph.Client) {
	x := &tenant{t: t, mails: map[string]*letter{}, refuse: map[string]int{}, fetched: map[string]int{}}
	s := httptest.NewServer(x)
	t.Cleanup(s.Close)
	x.urls = s.URL
	return x, &msgraph.Client{HTTP: s.Client(), Base: s.URL}
}

func (x *tenant) put(id, raw string, read bool, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mails[id] = &letter{raw: raw, read: read, folder: "inbox", at: at}
	x.changes = append(x.changes, id)
}

func (x *tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	const users = "/users/aide@exemple.fr"
	path, ok := strings.CutPrefix(r.URL.Path, users)
	words := strings.Split(strings.Trim(path, "/"), "/")
	last := r.Method + " " + words[len(words)-1]
	status := x.refuse[last]
	delete(x.refuse, last)
	switch {
	case r.Header.Get("Authorization") != "Bearer jeton":
		x.fail(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
	case r.Method+" "+r.URL.Path == "POST /subscriptions":
		var q struct{ NotificationURL, ClientState, Resource, ChangeType string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			x.t.Error(err)
		}
		if q.Resource != "users/aide@exemple.fr/mailFolders('inbox')/messages" || q.ChangeType != "created" {
			x.t.Errorf("subscription of %+v", q)
		}
		x.hooks = append(x.hooks, q.NotificationURL+" "+q.ClientState)
		x.say(w, map[string]any{"id": "S1"})
	case strings.HasPrefix(r.URL.Path, "/subscriptions/S1"):
		x.hooks = append(x.hooks, r.Method)
		x.say(w, map[string]any{"id": "S1"})
	case !ok || r.Header.Get("Prefer") != `IdType="ImmutableId"`:
		x.fail(w, http.StatusBadRequest, "BadRequest")
	case status != 0:
		w.Header().Set("Retry-After", "1")
		x.fail(w, status, "Refused")
	case words[0] == "mailFolders" && len(words) == 2 && words[1] == "inbox":
		x.say(w, map[string]any{"id": "inbox"})
	case words[0] == "mailFolders" && len(words) == 2:
		x.fail(w, http.StatusBadRequest, "ErrorInvalidIdMalformed")
	case words[0] == "mailFolders" && last == "GET mailFolders":
		list := []map[string]any{}
		if r.URL.Query().Get("$filter") == "displayName eq 'L''archive'" {
			list = append(list, map[string]any{"id": "F1"})
		}
		x.say(w, map[string]any{"value": list})
	case last == "GET childFolders":
		x.say(w, map[string]any{"value": []any{}})
	case last == "GET delta":
		x.delta(w, r)
	case words[0] == "messages" && x.mails[words[1]] != nil:
		x.message(w, r, words)
	default:
		x.fail(w, http.StatusNotFound, "ErrorItemNotFound")
	}
}

func (x *tenant) delta(w http.ResponseWriter, r *http.Request) {
	from := 0
	q := r.URL.Query()
	x.asked++
	if x.gone {
		x.fail(w, http.StatusGone, "syncStateNotFound")
		return
	}
	if at := q.Get("$deltatoken") + q.Get("$skiptoken"); at != "" {
		if _, err := fmt.Sscan(at, &from); err != nil {
			x.t.Error(err)
		}
		if q.Has("$deltatoken") && from < x.since {
			x.fail(w, http.StatusGone, "syncStateNotFound")
			return
		}
	} else if !strings.Contains(r.URL.RawQuery, "select=isRead,receivedDateTime") {
		x.t.Errorf("delta without its fields: %s", r.URL.RawQuery)
	}
	const page = 2
	value := []map[string]any{}
	to := min(from+page, len(x.changes))
	for _, id := range x.changes[from:to] {
		if m := x.mails[id]; m == nil || m.folder != "inbox" {
			value = append(value, map[string]any{"id": id, "@removed": map[string]any{"reason": "deleted"}})
		} else {
			value = append(value, map[string]any{"id": id, "isRead": m.read, "receivedDateTime": m.at.Format(time.RFC3339)})
		}
	}
	key, name := "@odata.deltaLink", "$deltatoken"
	if to < len(x.changes) {
		key, name = "@odata.nextLink", "$skiptoken"
	}
	x.say(w, map[string]any{"value": value, key: fmt.Sprintf("%s%s?%s=%d", x.urls, r.URL.Path, name, to)})
}

func (x *tenant) message(w http.ResponseWriter, r *http.Request, words []string) {
	id := words[1]
	m := x.mails[id]
	switch last := words[len(words)-1]; {
	case last == "$value":
		x.fetched[id]++
		_, err := w.Write([]byte(m.raw))
		if err != nil {
			x.t.Error(err)
		}
		return
	case last == "move":
		var to struct{ DestinationID string }
		if err := json.NewDecoder(r.Body).Decode(&to); err != nil {
			x.t.Error(err)
		}
		m.folder = to.DestinationID
	case r.Method == http.MethodPatch:
		m.read = true
	case r.Method == http.MethodDelete:
		delete(x.mails, id)
	}
	x.changes = append(x.changes, id)
	x.say(w, map[string]any{"id": id})
}

func (x *tenant) say(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		x.t.Error(err)
	}
}

func (x *tenant) fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	x.say(w, map[string]any{"error": map[string]any{"code": code, "message": "in words"}})
}

// look returns where a message is and whether it is read; "" = gone.
func (x *tenant) look(id string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.mails[id]
	if m == nil {
		return ""
	}
	return fmt.Sprint(m.folder, " ", m.read)
}

func token(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "jeton", nil }

func TestGraphFetch(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		x, client := newTenant(t)
		k := newDesk(t, d, channel.Inbound{After: channel.AfterMove, MoveTo: "L'archive"})
		k.way(channel.Graph)
		now := time.Now().UTC()
		x.put("old-read", mail(1), true, now.Add(-24*time.Hour))
		x.put("old-unread", mail(2), false, now.Add(-24*time.Hour))
		x.put("new", mail(3), false, now.Add(-time.Hour))
		x.put("new-too", mail(4), false, now.Add(-30*time.Minute))
		x.put("the last", mail(5), false, now.Add(-20*time.Minute))
		by := func(f *mailin.Fetcher) { f.Token, f.Graph, f.Every = token, client, 20*time.Millisecond }
		stop := k.fetch(by)
		eventually(t, "what nobody has read is taken", func() bool { return k.tickets() == 4 })
		eventually(t, "it is put away", func() bool { return x.look("the last") == "F1 false" && x.look("new") == "F1 false" })
		if got := x.look("old-read"); got != "inbox true" {
			t.Errorf("what was read before: %s", got)
		}
		// Somebody reads it before we look: it came since we began, so it is taken all the same.
		x.put("read at once", mail(6), true, now.Add(time.Hour))
		eventually(t, "what was read at once is taken", func() bool { return k.tickets() == 5 })
		eventually(t, "and counted", func() bool { return k.state().Fetched == 5 }) // a stop between the two leaves the count one short
		stop()
		x.put("meanwhile", mail(7), false, now.Add(time.Hour))
		x.mu.Lock()
		x.since = len(x.changes) // the link is too old when we come back
		x.mu.Unlock()
		k.fetch(by)
		eventually(t, "what came meanwhile is taken", func() bool { return k.tickets() == 6 })
		eventually(t, "it is counted once", func() bool { f := k.state(); return f.Fetched == 6 && f.Error == "" })
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.fetched["old-read"] != 0 || x.fetched["new"] != 1 {
			t.Errorf("fetched %v", x.fetched)
		}
	})
}

func TestGraphTroubles(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	x, client := newTenant(t)
	k := newDesk(t, d, channel.Inbound{After: channel.AfterDelete})
	k.way(channel.Graph)
	by := func(f *mailin.Fetcher) { f.Token, f.Graph, f.Every = token, client, 20*time.Millisecond }
	x.refuse["GET delta"] = http.StatusTooManyRequests // asks to wait a second
	x.refuse["DELETE m1"] = http.StatusForbidden
	x.put("m1", mail(1), false, time.Now())
	k.fetch(by)
	eventually(t, "it is a ticket after the pause", func() bool { return k.tickets() == 1 })
	eventually(t, "settings say that it is not put away", func() bool { return strings.HasPrefix(k.state().Error, "mail.reason.fetch_") })
	x.put("m2", mail(2), false, time.Now())
	x.put("m3", mail(3), false, time.Now())
	eventually(t, "what follows is taken and deleted", func() bool { return k.tickets() == 3 && x.look("m2") == "" && x.look("m3") == "" })
	eventually(t, "no error is left", func() bool { return k.state().Error == "" })
}

// TestGraphRefusesTheBeginning lets Graph call every link too old, the first as well: settings say so, and it is not
// asked over and over.
func TestGraphRefusesTheBeginning(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	x, client := newTenant(t)
	k := newDesk(t, d, channel.Inbound{})
	k.way(channel.Graph)
	x.gone = true
	k.fetch(func(f *mailin.Fetcher) { f.Token, f.Graph, f.Rest, f.MaxRest = token, client, time.Hour, time.Hour })
	eventually(t, "settings say what is wrong", func() bool { return k.state().Error != "" })
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.asked != 2 {
		t.Errorf("asked %d times, want once and once from the beginning", x.asked)
	}
}

func TestGraphNeedsToken(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	_, client := newTenant(t)
	k := newDesk(t, d, channel.Inbound{})
	k.way(channel.Graph)
	box := k.box
	for name, c := range map[string]struct {
		token mailin.Token
		want  string
	}{
		"not connected": {func(context.Context, channel.Mailbox, channel.Secrets) (string, error) {
			return "", oauth.Refused{Code: "no_consent"}
		}, "fetch_consent"},
		"withdrawn": {func(context.Context, channel.Mailbox, channel.Secrets) (string, error) {
			return "", oauth.Refused{Code: "invalid_grant"}
		}, "sign_in.ended"},
		"refused": {func(context.Context, channel.Mailbox, channel.Secrets) (string, error) {
			return "", oauth.Refused{Code: "interaction_required"}
		}, "fetch_token"},
		"of another":      {func(context.Context, channel.Mailbox, channel.Secrets) (string, error) { return "x", nil }, "fetch_token_login"},
		"as it should be": {token, "graph"},
		"without any":     {nil, "fetch_way"},
	} {
		checks := (mailin.Fetcher{Token: c.token, Graph: client}).Test(t.Context(), box, channel.Secrets{})
		if len(checks) != 1 || !strings.HasSuffix(checks[0].Key, "."+c.want) || checks[0].OK != (c.want == "graph") {
			t.Errorf("%s: %+v", name, checks)
		}
	}
}

// TestSignInByToken lets IMAP sign in with an access token, which Debian's server refuses as it knows none: the words
// and the mechanism count.
func TestSignInByToken(t *testing.T) {
	server := startDovecot(t)
	box := channel.Mailbox{Address: "aide@exemple.fr", In: channel.Inbound{Way: channel.IMAP, Host: "127.0.0.1", Port: server.Port, TLS: channel.Plain, Auth: channel.OAuth}}
	checks := (mailin.Fetcher{Token: token}).Test(t.Context(), box, channel.Secrets{})
	if len(checks) != 1 || checks[0].Key != "mail.reason.fetch_token_login" {
		t.Errorf("%+v", checks)
	}
	checks = (mailin.Fetcher{}).Test(t.Context(), box, channel.Secrets{})
	if len(checks) != 1 || checks[0].Key != "mail.reason.fetch_auth" {
		t.Errorf("without tokens: %+v", checks)
	}
	if slices.ContainsFunc(checks, func(c channel.Check) bool { return strings.Contains(c.Detail, "jeton") }) {
		t.Error("the token is shown")
	}
}

// way changes how the mailbox is fetched.
func (k *desk) way(w channel.Way) {
	k.t.Helper()
	k.box.In.Way, k.box.In.User = w, ""
	err := k.d.Write(k.t.Context(), func(tx *db.Tx) (err error) {
		k.box, err = channel.SaveMailbox(k.t.Context(), tx, self, k.key, k.box, nil)
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// TestGraphTellsOfNews lets Graph tell: the mailbox is looked at at once, long before its turn, and only by a state of ours.
func TestGraphTellsOfNews(t *testing.T) {
	d := dbtest.Open(t, db.SQLite, dbtest.Options{})
	x, client := newTenant(t)
	k := newDesk(t, d, channel.Inbound{})
	k.way(channel.Graph)
	stop := k.fetch(func(f *mailin.Fetcher) {
		f.Token, f.Graph, f.Every, f.Notify = token, client, time.Hour, "https://aide.exemple.fr/hooks/graph"
	})
	asked := func(n int) bool { x.mu.Lock(); defer x.mu.Unlock(); return len(x.hooks) == n }
	eventually(t, "Graph is asked to tell", func() bool { return asked(1) })
	eventually(t, "the mailbox was looked at", func() bool { return !k.state().Checked.IsZero() })
	x.put("m1", mail(1), false, time.Now())
	x.mu.Lock()
	address, state, _ := strings.Cut(x.hooks[0], " ")
	x.mu.Unlock()
	if address != "https://aide.exemple.fr/hooks/graph" {
		t.Errorf("told at %s", address)
	}
	id, err := k.key.Open(state, channel.GraphState)
	if err != nil || string(id) != k.box.ID {
		t.Fatalf("state of %q, %v", id, err)
	}
	if err := d.Write(t.Context(), func(tx *db.Tx) error { tx.Signal(channel.NewsTopic(string(id))); return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is a ticket", func() bool { return k.tickets() == 1 })
	stop()
	if !asked(2) || x.hooks[1] != http.MethodDelete {
		t.Errorf("subscriptions: %v", x.hooks)
	}
}
