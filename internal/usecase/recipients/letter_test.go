package recipients

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/notify"
	"entraide/internal/domain/ticket"
)

var here = style{place: Place{Base: "https://aide.exemple.fr"}, look: Brand{Name: "Centre d’entraide"}.look()}

var vpn = ticket.Ticket{ID: "T", Kind: ticket.Incident, Number: 1042, Subject: "Le VPN se coupe <b>", Status: ticket.Open}

// both returns the two forms of a letter, the HTML one checked for being well nested.
func both(t *testing.T, l letter) (plain, rich string) {
	t.Helper()
	rich, err := l.html()
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, rich)
	return l.text(), rich
}

// of writes the letter of s.
func of(l i18n.Loc, s story) letter {
	x, _ := here.compose(l, s)
	return x
}

func balanced(t *testing.T, s string) {
	t.Helper()
	var open []string
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("not closed: %v", open)
			}
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			switch n := string(name); n {
			case "meta", "br", "img", "hr":
			default:
				open = append(open, n)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Errorf("</%s> closes %v", name, open)
				return
			}
			open = open[:len(open)-1]
		}
	}
}

func TestReplyLetter(t *testing.T) {
	plain, rich := both(t, of(i18n.Loc{}, story{told: told{news: "own.replied"}, ticket: vpn, actor: "Paul Vasseur",
		body: "Bonjour,\n\n**redémarrez** le [guide](/articles/vpn) <script>alert(1)</script> ![capture](/attachments/A)", files: []ticket.Attachment{{Name: "journal <1>.txt"}}}))
	for _, want := range []string{text.ReplyAbove, "Paul Vasseur vous répond", "INC-1042 · Le VPN se coupe <b>", "redémarrez le guide <https://aide.exemple.fr/articles/vpn>",
		"journal <1>.txt", "https://aide.exemple.fr/requests/INC-1042", "Centre d’entraide vous écrit", "https://aide.exemple.fr/me/notifications"} {
		if !strings.Contains(plain, want) {
			t.Errorf("text lacks %q:\n%s", want, plain)
		}
	}
	for _, want := range []string{"<strong>redémarrez</strong>", `href="https://aide.exemple.fr/articles/vpn"`, "Le VPN se coupe &lt;b&gt;", "capture",
		"journal &lt;1&gt;.txt", `href="https://aide.exemple.fr/requests/INC-1042"`, `lang="fr"`} {
		if !strings.Contains(rich, want) {
			t.Errorf("HTML lacks %q:\n%s", want, rich)
		}
	}
	for _, bad := range []string{"<script", "/attachments/A", "cid:"} {
		if strings.Contains(rich, bad) {
			t.Errorf("HTML holds %q", bad)
		}
	}
	if strings.Index(plain, text.ReplyAbove) != 0 {
		t.Error("the reply line does not come first")
	}
}

// What a person writes above our mail must come back alone.
func TestAnswersToOurLettersAreCut(t *testing.T) {
	for _, lang := range i18n.Langs() {
		plain, _ := both(t, of(i18n.Loc{Lang: lang}, story{told: told{news: "own.pending"}, ticket: vpn, actor: "Paul", body: "Quel poste ?"}))
		quoted := "Le poste 12.\n\nLe 12 mars 2026 à 10:05, Paul <aide@exemple.fr> a écrit :\n> " + strings.ReplaceAll(plain, "\n", "\n> ")
		for _, in := range []string{quoted, "Le poste 12.\n\n" + plain} {
			if got, _ := text.StripReply(in); got != "Le poste 12." {
				t.Errorf("%s: kept %q", lang, got)
			}
		}
	}
}

func TestLettersOfEveryKind(t *testing.T) {
	survivor := ticket.Ticket{ID: "S", Kind: ticket.Request, Number: 7, Subject: "Réseau"}
	for name, c := range map[string]struct {
		s         story
		has, lack string
	}{
		"acknowledgement":  {story{told: told{news: "own.created", ack: true}}, "We have received your request", "opened a request"},
		"asked for me":     {story{told: told{news: "own.created"}, actor: "Paul"}, "Paul opened a request for you", "We have received"},
		"resolved":         {story{told: told{news: "own.resolved"}, actor: "Paul"}, "/requests/INC-1042?rate=bad#rating", ""},
		"resolved, abroad": {story{told: told{news: "own.resolved"}, actor: "Paul", outsider: true}, "your request reopens", "https://"},
		"merged":           {story{told: told{news: "own.merged"}, actor: "Paul", survivor: survivor}, "REQ-7: Réseau", ""},
		"for agents":       {story{told: told{news: "activity.replied"}, actor: "Ann"}, "https://aide.exemple.fr/desk/tickets/INC-1042", "/requests/"},
		"by the machine":   {story{told: told{news: "own.reopened"}}, "Entraide reopened your request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.s.ticket = vpn
			plain, rich := both(t, of(i18n.Loc{Lang: i18n.EN}, c.s))
			if !strings.Contains(plain, c.has) || c.lack != "" && (strings.Contains(plain, c.lack) || strings.Contains(rich, c.lack)) {
				t.Errorf("want %q and not %q in\n%s", c.has, c.lack, plain)
			}
			if !strings.Contains(plain, text.ReplyAboveEnglish) || strings.Contains(plain, "Ouvrir") {
				t.Errorf("not in English:\n%s", plain)
			}
		})
	}
}

func TestEveryTopicSaysWhy(t *testing.T) {
	for _, k := range i18n.Keys(i18n.FR) {
		if news, ok := strings.CutPrefix(k, "notify.news."); ok {
			plain, _ := both(t, of(i18n.Loc{}, story{told: told{news: notify.News(news)}, ticket: vpn, actor: "Paul"}))
			if !strings.Contains(plain, "Centre d’entraide vous écrit") {
				t.Errorf("%s: %s", news, plain)
			}
		}
	}
}

func TestDigestLetter(t *testing.T) {
	plain, rich := both(t, here.digest(i18n.Loc{}, "12 mars", []notify.Item{
		{News: "rating.bad", Ref: "ticket/T", Title: "INC-1042 · VPN", Actor: "Ann", Excerpt: "Trop long", At: time.Now()},
		{News: "own.replied", Ref: "ticket/U", Title: "REQ-7 · Écran", Actor: "Paul"},
	}))
	for _, want := range []string{"2 nouvelles", "Ann n’est pas satisfait", "Trop long", "https://aide.exemple.fr/desk/tickets/T", "https://aide.exemple.fr/requests/U"} {
		if !strings.Contains(plain, want) {
			t.Errorf("text lacks %q:\n%s", want, plain)
		}
	}
	if !strings.Contains(rich, `href="https://aide.exemple.fr/requests/U"`) {
		t.Errorf("HTML:\n%s", rich)
	}
}
