package intake

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"entraide/internal/base/i18n"
	"entraide/internal/base/id"
	"entraide/internal/base/mime"
	"entraide/internal/domain/channel"
	"entraide/internal/domain/ticket"
)

func parse(t *testing.T, raw string) mime.Message {
	t.Helper()
	m, err := mime.Parser{Host: "aide.exemple.fr"}.Parse(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const plainMail = "From: Ann <ann@example.org>\r\nTo: aide@exemple.fr\r\nSubject: VPN\r\nMessage-ID: <1@example.org>\r\nDate: Thu, 12 Mar 2026 09:44:00 +0100\r\n\r\nBonjour\r\n"

func TestFingerprint(t *testing.T) {
	same := fingerprint(parse(t, plainMail))
	if got := fingerprint(parse(t, "Received: from a by b\r\nDelivered-To: rh@exemple.fr\r\n"+plainMail)); got != same {
		t.Error("the way it took makes another message of it")
	}
	for name, other := range map[string]string{
		"another text":   strings.Replace(plainMail, "Bonjour", "Bonsoir", 1),
		"another sender": strings.Replace(plainMail, "ann@", "eve@", 1),
		"another id":     strings.Replace(plainMail, "<1@", "<2@", 1),
		"no id":          strings.Replace(plainMail, "Message-ID", "X-ID", 1),
	} {
		if fingerprint(parse(t, other)) == same {
			t.Errorf("%s is taken for the same message", name)
		}
	}
}

func TestFingerprintWithoutMessageID(t *testing.T) {
	raw := strings.Replace(plainMail, "Message-ID", "X-ID", 1)
	if fingerprint(parse(t, raw)) == fingerprint(parse(t, strings.Replace(raw, "12 Mar", "13 Mar", 1))) {
		t.Error("the same words of another day are taken for the same message")
	}
}

func TestRefusal(t *testing.T) {
	own := []string{"aide@exemple.fr", ""}
	for name, c := range map[string]struct{ head, want string }{
		"a person":         {"", ""},
		"absence note":     {"Auto-Submitted: auto-replied\r\n", "mail.reason.auto"},
		"list":             {"List-Id: <news.example.org>\r\n", "mail.reason.auto"},
		"through us":       {"X-Entraide-Loop: aide.exemple.fr\r\n", "mail.reason.loop"},
		"through others":   {"X-Entraide-Loop: other.example.org\r\n", ""},
		"from many places": {strings.Repeat("Received: from a by b\r\n", 60), "mail.reason.loop"},
	} {
		if got, _ := refusal(parse(t, c.head+plainMail), own); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got, _ := refusal(parse(t, strings.Replace(plainMail, "ann@example.org", "Aide@Exemple.fr", 1)), own); got != "mail.reason.loop" {
		t.Errorf("our own address: %q", got)
	}
}

func TestCited(t *testing.T) {
	ours := channel.ThreadID(id.New(), "aide.exemple.fr")
	m := mime.Message{InReplyTo: "c@x", References: []string{"a@x", ours, "c@x"}}
	if got := cited(m); !slices.Equal(got, []string{"c@x", ours, "a@x"}) {
		t.Errorf("cited = %v", got)
	}
	if by, got := ownRecord(cited(m)); by != ours || got != channel.RecordOf(ours) || got == "" {
		t.Errorf("own record = %q", got)
	}
}

func TestSubject(t *testing.T) {
	for name, c := range map[string]struct{ subject, text, want string }{
		"prefixes and our tag": {"RE: TR: [INC-1042] Le VPN se coupe", "x", "Le VPN se coupe"},
		"only prefixes":        {"Re: ", "Mon écran est noir\ndepuis lundi", "Mon écran est noir depuis lundi"},
		"nothing":              {"", " ", "Demande sans objet"},
		"too long":             {strings.Repeat("é", 500), "", strings.Repeat("é", ticket.MaxSubject-1) + "…"},
	} {
		if got := subject(i18n.Loc{}, mime.Message{Subject: c.subject, ReplyText: c.text}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDraught(t *testing.T) {
	m := parse(t, strings.Replace(plainMail, "\r\n\r\nBonjour\r\n", "\r\nContent-Type: text/html\r\n\r\n<p>Voici <img src=\"cid:a@b\"><img src=\"https://spy.example.org/p.gif\"></p>", 1))
	d := draught(i18n.Loc{}, m, map[string]string{"a@b": "A1"}, []string{"A1"}, "hash")
	if !strings.Contains(d.HTML, `src="/attachments/A1"`) || strings.Contains(d.HTML, ` src="https://spy`) || d.Raw != "hash" || !slices.Equal(d.Attachments, []string{"A1"}) {
		t.Errorf("draught = %+v", d)
	}
	if d := draught(i18n.Loc{}, mime.Message{}, nil, []string{"A1"}, ""); d.Body == "" {
		t.Error("a mail of attachments alone has no words")
	}
	if d := draught(i18n.Loc{}, mime.Message{ReplyText: strings.Repeat("é", ticket.MaxBody+5)}, nil, nil, ""); len([]rune(d.Body)) != ticket.MaxBody {
		t.Errorf("%d runes", len([]rune(d.Body)))
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a fault of ours") }

func TestPoisonIsAnError(t *testing.T) {
	_, err := parsed(mime.Parser{}, panicking{})
	var p poison
	if !errors.As(err, &p) || p.Error() != "a fault of ours" {
		t.Errorf("%v", err)
	}
}
