package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/door/web/static"
)

// shell is a page as a signed-in person sees it, with everything that a shell can hold.
func shell() Shell {
	return Shell{
		Title: "Composants", Org: "Ateliers Morvan", Unread: 3, Path: GalleryPath,
		Person: Person{ID: "camille-7", Name: "Camille Renaud", Detail: "Comptable, Nantes"},
		Nav:    []NavItem{{Key: "home", Label: "Accueil", Icon: "house", Href: "/"}, {Key: "kb", Label: "Connaissances", Icon: "book-open", Href: "/kb"}},
		Tabs: []NavItem{
			{Key: "home", Label: "Accueil", Icon: "house", Href: "/"}, {Key: "req", Label: "Demandes", Icon: "inbox", Href: "/r", Count: 2},
			{Key: "help", Label: "Aide", Href: NewRequestPath}, {Key: "kb", Label: "Articles", Icon: "book-open", Href: "/kb"},
		},
		Menu:   []NavItem{{Key: "desk", Label: "Bureau", Icon: "headset", Href: DeskPath}},
		Side:   []NavGroup{{Title: "Canaux", Items: []NavItem{{Key: "mail", Label: "Boîtes aux lettres", Href: "#"}}}},
		Footer: []NavItem{{Label: "Accessibilité", Href: "#"}},
		Active: "home",
	}
}

// pages are the whole pages that the tests look at.
func pages() map[string]templ.Component {
	s := shell()
	return map[string]templ.Component{
		"gallery": Gallery(s), "desk": GalleryDesk(s), "sign-in": GallerySignIn(Shell{Title: "Connexion"}),
		"phone":    DeskPage(s, Desk{Queue: galleryDeskQueue(), Views: galleryDeskViews(), OnPhone: "queue", Back: "/desk"}),
		"settings": SettingsPage(s), "error": ErrorPage(s, "search-x", "Page introuvable", "Revenez à l’accueil."),
	}
}

func render(t *testing.T, lang string, c templ.Component) (string, *html.Node) {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(i18n.With(context.Background(), i18n.New(lang, "")), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), doc
}

// each calls f for every element below n.
func each(n *html.Node, f func(*html.Node)) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode {
			f(c)
		}
	}
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// Every page obeys the content security policy and the rules of accessibility that markup alone can break.
func TestPagesAreSoundHTML(t *testing.T) {
	sprite := spriteIDs(t)
	for _, lang := range []string{"fr", "en"} {
		for name, page := range pages() {
			t.Run(lang+"/"+name, func(t *testing.T) {
				_, doc := render(t, lang, page)
				ids, labels := map[string]bool{}, map[string]bool{}
				each(doc, func(n *html.Node) {
					if id, ok := attr(n, "id"); ok {
						if ids[id] {
							t.Errorf("id %q twice", id)
						}
						ids[id] = true
					}
					if n.Data == "label" {
						if id, ok := attr(n, "for"); ok {
							labels[id] = true
						}
					}
				})
				each(doc, func(n *html.Node) { checkElement(t, n, ids, labels, sprite) })
			})
		}
	}
}

func checkElement(t *testing.T, n *html.Node, ids, labels, sprite map[string]bool) {
	t.Helper()
	for _, a := range n.Attr {
		switch {
		case a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on"):
			t.Errorf("<%s> has the attribute %s, which the policy refuses", n.Data, a.Key)
		case a.Key == "aria-label" && strings.TrimSpace(a.Val) == "":
			t.Errorf("<%s> has an empty aria-label", n.Data)
		case a.Key == "aria-labelledby", a.Key == "aria-describedby", a.Key == "aria-controls", a.Key == "popovertarget", a.Key == "data-dialog", a.Key == "for":
			for _, id := range strings.Fields(a.Val) {
				if !ids[id] {
					t.Errorf("<%s %s=%q>: no such id", n.Data, a.Key, id)
				}
			}
		case a.Key == "href" && strings.HasPrefix(a.Val, "#f-") && !ids[a.Val[1:]]:
			t.Errorf("link to %s leads nowhere", a.Val)
		}
	}
	switch n.Data {
	case "script":
		if text(n) != "" {
			t.Error("inline script")
		}
	case "style":
		t.Error("inline style sheet")
	case "use":
		href, _ := attr(n, "href")
		if url, id, _ := strings.Cut(href, "#"); url != static.Icons || !sprite[id] {
			t.Errorf("icon %s is not in the sprite: run the build in assets/", href)
		}
	case "img":
		if _, ok := attr(n, "alt"); !ok {
			t.Error("image without alt")
		}
	case "input", "select", "textarea":
		if !named(n, labels) {
			name, _ := attr(n, "name")
			t.Errorf("<%s name=%q> has no label", n.Data, name)
		}
	case "button", "a":
		if _, ok := attr(n, "aria-label"); !ok && text(n) == "" {
			t.Errorf("<%s> %v has no name", n.Data, n.Attr)
		}
	}
}

// named tells whether a field has a name for screen readers.
func named(n *html.Node, labels map[string]bool) bool {
	if kind, _ := attr(n, "type"); kind == "hidden" {
		return true
	}
	if _, ok := attr(n, "aria-label"); ok {
		return true
	}
	if id, ok := attr(n, "id"); ok && labels[id] {
		return true
	}
	for p := range n.Ancestors() {
		if p.Data == "label" {
			return text(p) != ""
		}
	}
	return false
}

func spriteIDs(t *testing.T) map[string]bool {
	t.Helper()
	h, err := static.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, static.Icons, nil))
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(`<symbol id="([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		ids[m[1]] = true
	}
	if len(ids) == 0 {
		t.Fatal("no symbol in the sprite")
	}
	return ids
}

func TestLanguages(t *testing.T) {
	fr, _ := render(t, "fr", Gallery(shell()))
	en, _ := render(t, "en", Gallery(shell()))
	for _, c := range []struct{ page, want string }{
		{fr, `<html lang="fr"`}, {en, `<html lang="en"`}, {fr, "En cours"}, {en, "In progress"}, {fr, "Aller au contenu"}, {en, "Skip to content"},
	} {
		if !strings.Contains(c.page, c.want) {
			t.Errorf("%q is missing", c.want)
		}
	}
}

func TestTheme(t *testing.T) {
	for theme, want := range map[string]string{"": `<html lang="fr">`, "dark": `<html lang="fr" data-theme="entraide-dark">`, "x\" onload=": `<html lang="fr">`} {
		s := shell()
		s.Theme = theme
		if page, _ := render(t, "fr", PortalPage(s)); !strings.Contains(page, want) {
			t.Errorf("theme %q: %q is missing", theme, want)
		}
	}
}

func TestNobodySeesNoAccount(t *testing.T) {
	page, _ := render(t, "fr", PortalPage(Shell{Title: "Accueil"}))
	for _, gone := range []string{`id="palette"`, `id="me"`, NotificationsPath + `"`} {
		if strings.Contains(page, gone) {
			t.Errorf("a page for nobody shows %s", gone)
		}
	}
	if !strings.Contains(page, SignInPath) {
		t.Error("a page for nobody has no way to sign in")
	}
}

func TestMistakesLeadToTheirFields(t *testing.T) {
	ctx := i18n.With(context.Background(), i18n.New("fr", ""))
	m := MistakesOf(ctx, errs.InvalidField("subject", "gallery.room.error"))
	if len(m) != 1 || m.Of("subject") == "" || m.Of("other") != "" {
		t.Fatalf("mistakes = %+v", m)
	}
	page, _ := render(t, "fr", ErrorSummary(m, ""))
	if !strings.Contains(page, `href="#f-subject"`) {
		t.Errorf("summary does not lead to the field: %s", page)
	}
	page, _ = render(t, "fr", Input(Field{Name: "subject", Label: "Objet", Error: m.Of("subject")}))
	for _, want := range []string{`id="f-subject"`, `aria-invalid="true"`, `aria-describedby="f-subject-e"`} {
		if !strings.Contains(page, want) {
			t.Errorf("field lacks %s: %s", want, page)
		}
	}
}

func TestTextIsEscaped(t *testing.T) {
	evil := `<img src=x onerror=alert(1)>`
	page, doc := render(t, "fr", ListRow(Row{Ref: "INC-1", Subject: evil, Who: evil, Status: evil, Href: "javascript:alert(1)"}))
	each(doc, func(n *html.Node) {
		if n.Data == "img" {
			t.Error("text became an element")
		}
	})
	if strings.Contains(page, "javascript:") {
		t.Error("a javascript: link survived")
	}
}

func TestAvatars(t *testing.T) {
	for name, want := range map[string]string{"Camille Renaud": "CR", "Thomas Le Goff": "TG", "Étienne Roux": "ÉR", "support": "S", "": "?", "Jean-Paul": "JP"} {
		if got := (Person{Name: name}).initials(); got != want {
			t.Errorf("initials of %q = %q, want %q", name, got, want)
		}
	}
	if a, b := (Person{ID: "x", Name: "A"}).colour(), (Person{ID: "x", Name: "B"}).colour(); a != b {
		t.Errorf("one person has two colours: %s, %s", a, b)
	}
}

func TestToastHeader(t *testing.T) {
	h := http.Header{}
	want := Flash{Text: "INC-1042 est résolu… 🎉", Undo: "/tickets/1/undo", Icon: "x", Action: "Annuler"}
	if err := SetToast(h, want); err != nil {
		t.Fatal(err)
	}
	value := h.Get("HX-Trigger")
	for _, r := range value {
		if r > 126 {
			t.Fatalf("header carries %q: %s", r, value)
		}
	}
	var got struct {
		Toast struct{ Text, Undo, Icon, Action string }
	}
	if err := json.Unmarshal([]byte(value), &got); err != nil {
		t.Fatal(err)
	}
	if f := (Flash{Text: got.Toast.Text, Undo: got.Toast.Undo, Icon: got.Toast.Icon, Action: got.Toast.Action}); f != want {
		t.Errorf("toast = %+v, want %+v", f, want)
	}
}

func TestRing(t *testing.T) {
	for share, want := range map[int]string{-5: "0.0 94.2", 0: "0.0 94.2", 50: "47.1 94.2", 100: "94.2 94.2", 140: "94.2 94.2"} {
		if got := ringDash(Open, share); got != want {
			t.Errorf("ring of %d = %q, want %q", share, got, want)
		}
	}
}

// A page to look at: UI_PREVIEW=folder go test -run Preview writes every page in both languages and themes.
func TestPreview(t *testing.T) {
	dir := os.Getenv("UI_PREVIEW")
	if dir == "" {
		dir = t.TempDir()
	}
	for _, lang := range []string{"fr", "en"} {
		for _, theme := range []string{"light", "dark"} {
			s := shell()
			s.Theme = theme
			for name, page := range map[string]templ.Component{"gallery": Gallery(s), "desk": GalleryDesk(s), "sign-in": GallerySignIn(Shell{Theme: theme}), "settings": SettingsPage(s), "phone": DeskPage(galleryDeskShell(i18n.With(context.Background(), i18n.New(lang, "")), s), Desk{Queue: galleryDeskQueue(), Views: galleryDeskViews(), OnPhone: "queue"})} {
				out, _ := render(t, lang, page)
				if err := os.WriteFile(filepath.Join(dir, name+"-"+lang+"-"+theme+".html"), []byte(out), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
