package mime_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"entraide/internal/base/mime"
)

// nasty is what reading one message of testdata/nasty must give. The expectations were written before the code.
// Fields that are pointers or nil lists are compared only if the file names them.
type nasty struct {
	Why         string            `json:"why"` // the standard or the complaint of users behind it
	Subject     string            `json:"subject"`
	From        mime.Address      `json:"from"`
	ReplyText   *string           `json:"reply_text"`
	Text        *string           `json:"text"`
	Attachments []nastyFile       `json:"attachments"`
	Auto        mime.AutoKind     `json:"auto"`
	Reason      *string           `json:"reason"` // evidence for Auto
	Bounce      *nastyBounce      `json:"bounce"`
	Bounces     [][2]string       `json:"bounces"` // recipient and status of all, the worst first
	About       *string           `json:"about"`
	Loop        bool              `json:"loop"`
	Problems    []string          `json:"problems"` // what each problem contains, in their order
	Auth        *mime.Auth        `json:"auth"`
	Date        json.RawMessage   `json:"date"`
	MessageID   *string           `json:"message_id"`
	InReplyTo   *string           `json:"in_reply_to"`
	References  []string          `json:"references"`
	To          []string          `json:"to"`
	CC          []string          `json:"cc"`
	Recipients  []string          `json:"recipients"`
	Calendar    map[string]string `json:"calendar"`
	NoReply     bool              `json:"no_reply"`
	Protection  mime.Protection   `json:"protection"`
	Remote      *int              `json:"remote_images"`
	Trackers    *int              `json:"trackers"`
	HTMLHas     []string          `json:"html_has"`
	HTMLNot     []string          `json:"html_not"`
	ReplyHas    []string          `json:"reply_html_has"`
	ReplyNot    []string          `json:"reply_html_not"`
}

type nastyFile struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Inline      bool   `json:"inline"`
	Size        *int64 `json:"size"`
	Has         string `json:"has"` // what the content contains
}

type nastyBounce struct {
	Recipient string `json:"recipient"`
	Status    string `json:"status"`
	Hard      bool   `json:"hard"`
	Original  string `json:"original"`
}

// nastyParser knows two receiving servers.
var nastyParser = mime.Parser{Host: "aide.exemple.fr", Receivers: []string{"mx.exemple.fr", "protection.outlook.com", "outlook.com"}}

// TestNasty reads each testdata/nasty/*.eml and names the expectations of the .json beside it that fail.
func TestNasty(t *testing.T) {
	files, err := filepath.Glob("testdata/nasty/*.eml")
	if err != nil || len(files) < 150 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			expected, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var want nasty
			d := json.NewDecoder(bytes.NewReader(expected))
			d.DisallowUnknownFields()
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
			m, err := nastyParser.Parse(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			sound(t, m)
			want.compareHead(t, m)
			want.compareBody(t, m)
			want.compareVerdicts(t, m)
		})
	}
}

// same reports an expectation that fails.
func same[V any](t *testing.T, field string, got, want V) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", field, diff)
	}
}

// sameIf compares if there is an expectation.
func sameIf[V any](t *testing.T, field string, got V, want *V) {
	t.Helper()
	if want != nil {
		same(t, field, got, *want)
	}
}

func (n nasty) compareHead(t *testing.T, m mime.Message) {
	same(t, "subject", m.Subject, n.Subject)
	same(t, "from", m.From, n.From)
	sameIf(t, "message_id", m.MessageID, n.MessageID)
	sameIf(t, "in_reply_to", m.InReplyTo, n.InReplyTo)
	for field, c := range map[string][2][]string{"references": {m.References, n.References}, "to": {only(m.To), n.To}, "cc": {only(m.CC), n.CC}, "recipients": {m.Recipients, n.Recipients}} {
		if c[1] != nil {
			same(t, field, c[0], c[1])
		}
	}
	if n.Date != nil {
		date := "null"
		if !m.Date.IsZero() {
			date = `"` + m.Date.Format(time.RFC3339) + `"`
		}
		same(t, "date", date, string(n.Date))
	}
}

func only(list []mime.Address) []string {
	out := []string{}
	for _, a := range list {
		out = append(out, a.Address)
	}
	return out
}

func (n nasty) compareBody(t *testing.T, m mime.Message) {
	sameIf(t, "text", m.Text, n.Text)
	sameIf(t, "reply_text", m.ReplyText, n.ReplyText)
	for i, a := range m.Attachments {
		if i >= len(n.Attachments) {
			t.Errorf("attachment %d: %q, %s, unexpected", i+1, a.Name, a.ContentType)
			continue
		}
		w := n.Attachments[i]
		if w.Name != a.Name || w.ContentType != a.ContentType || w.Inline != a.Inline || w.Size != nil && *w.Size != a.Size || !bytes.Contains(a.Data, []byte(w.Has)) {
			t.Errorf("attachment %d: %q, %s, inline %v, %d bytes, want %+v in it", i+1, a.Name, a.ContentType, a.Inline, a.Size, w)
		}
	}
	if len(m.Attachments) < len(n.Attachments) {
		t.Errorf("%d attachments, want %d", len(m.Attachments), len(n.Attachments))
	}
	reply := m.ReplyHTML(nil)
	for _, c := range []struct {
		field, got string
		list       []string
		in         bool
	}{{"html", m.HTML, n.HTMLHas, true}, {"html", m.HTML, n.HTMLNot, false}, {"reply as html", reply, n.ReplyHas, true}, {"reply as html", reply, n.ReplyNot, false}} {
		for _, s := range c.list {
			if strings.Contains(c.got, s) != c.in {
				t.Errorf("%s: %q in it is not %v: %s", c.field, s, c.in, c.got)
			}
		}
	}
	sameIf(t, "remote images", m.RemoteImages, n.Remote)
	sameIf(t, "trackers", m.Trackers, n.Trackers)
	same(t, "protection", m.Protection, n.Protection)
	if n.Calendar != nil {
		if m.Calendar == nil {
			t.Fatalf("no calendar entry")
		}
		c := m.Calendar
		same(t, "calendar", map[string]string{"method": c.Method, "summary": c.Summary, "start": c.Start.UTC().Format(time.RFC3339), "end": c.End.UTC().Format(time.RFC3339),
			"location": c.Location, "organizer": c.Organizer}, n.Calendar)
	}
}

func (n nasty) compareVerdicts(t *testing.T, m mime.Message) {
	same(t, "auto", m.AutoKind, n.Auto)
	same(t, "auto at all", m.Auto, n.Auto != "")
	sameIf(t, "reason", m.AutoReason, n.Reason)
	sameIf(t, "about", m.About, n.About)
	same(t, "loop", m.Loop, n.Loop)
	same(t, "no reply", m.NoReply, n.NoReply)
	same(t, "auth", m.Auth, n.Auth)
	var b *nastyBounce
	if m.Bounce != nil {
		b = &nastyBounce{m.Bounce.Recipient, m.Bounce.Status, m.Bounce.Hard, m.Bounce.Original}
	}
	same(t, "bounce", b, n.Bounce)
	if n.Bounces != nil {
		all := [][2]string{}
		for _, b := range m.Bounces {
			all = append(all, [2]string{b.Recipient, b.Status})
		}
		same(t, "bounces", all, n.Bounces)
	}
	for i := range max(len(m.Problems), len(n.Problems)) {
		switch {
		case i >= len(n.Problems):
			t.Errorf("problem unexpected: %q", m.Problems[i])
		case i >= len(m.Problems):
			t.Errorf("problem missing: %q", n.Problems[i])
		case !strings.Contains(m.Problems[i], n.Problems[i]):
			t.Errorf("problem %q, want %q in it", m.Problems[i], n.Problems[i])
		}
	}
}
