package recipients

import (
	"errors"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/base/setting"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
)

var boss = auth.Actor{ID: "ad", Roles: []auth.Role{auth.Admin}}

func TestDefaultTemplatesAreRight(t *testing.T) {
	for _, lang := range i18n.Langs() {
		for _, kind := range TemplateKinds() {
			own := DefaultTemplate(kind, lang)
			if err := CheckTemplate(kind, own); err != nil {
				t.Errorf("%s %s: %v", kind, lang, err)
			}
			plain, rich := both(t, here.sample(i18n.Loc{Lang: lang}, kind, vpn.CreatedAt))
			if strings.Contains(plain+rich, "{{") || !strings.Contains(plain, "INC-1042") || !i18n.Has(KindName(kind)) {
				t.Errorf("%s %s:\n%s", kind, lang, plain)
			}
			for _, v := range Variables(kind) {
				if !i18n.Has(v.Key) {
					t.Errorf("%s: variable %s has no explanation", kind, v.Name)
				}
			}
		}
	}
}

func TestMistakesInTemplates(t *testing.T) {
	for name, c := range map[string]struct {
		kind string
		t    Template
		want string // field, key and arguments
	}{
		"empty":               {Reply, Template{}, ""},
		"spaces in braces":    {Reply, Template{Body: "{{ message }} {{  agent}}"}, ""},
		"single braces":       {Reply, Template{Body: "{a} {{message}} }"}, ""},
		"unknown":             {Reply, Template{Body: "{{message}}\n\nBonjour {{prénom}}"}, "body mailout.template.unknown prénom 3"},
		"of another kind":     {Reply, Template{Body: "{{message}}{{rating}}"}, "body mailout.template.unknown rating 1"},
		"in the subject":      {Resolved, Template{Subject: "{{refrence}}"}, "subject mailout.template.unknown refrence 1"},
		"block as subject":    {Reply, Template{Subject: "{{message}}"}, "subject mailout.template.block message"},
		"half a variable":     {Reply, Template{Body: "{{message}}\n{{agent}"}, "body mailout.template.open 2"},
		"no message":          {Reply, Template{Body: "Voyez le portail"}, "body mailout.template.needs_message"},
		"ack needs none":      {Acknowledgement, Template{Body: "Reçu."}, ""},
		"too long":            {Acknowledgement, Template{Body: strings.Repeat("x", 20_001)}, "body mailout.template.long 20000"},
		"no such kind":        {"birthday", Template{}, "kind mailout.template.kind"},
		"a page for a guest":  {Forwarded, Template{Body: "{{message}} {{link}}"}, "body mailout.template.unknown link 1"},
		"survivor of a merge": {Merged, Template{Body: "{{survivor}}"}, ""},
	} {
		err := CheckTemplate(c.kind, c.t)
		var got []string
		for _, f := range errs.Fields(err) {
			got = append(got, f.Name, f.Key)
			for i := 1; i < len(f.Args); i += 2 {
				got = append(got, i18n.Loc{}.T("mailout.survivor", "ref", f.Args[i], "subject", ""))
			}
			_ = i18n.Loc{}.T(f.Key, f.Args...) // panics when an argument is missing
		}
		words := strings.NewReplacer(" :", "", "\u202f", "", "\u00a0", "", ":", "").Replace(strings.Join(got, " "))
		if strings.Join(strings.Fields(words), " ") != c.want {
			t.Errorf("%s: %q, want %q", name, words, c.want)
		}
	}
}

// What people type fills variables as it stands: no format, no link, no variable of its own.
func TestValuesStayValues(t *testing.T) {
	y := here
	y.templates = Templates{Reply: {"fr": {Subject: "{{subject}}\r\nBcc: x@y", Body: "# {{subject}}\n\n{{agent}} : [ouvrir]({{link}})\n\n{{message}}"}}}
	evil := ticket.Ticket{Kind: ticket.Incident, Number: 7, Subject: "**gras** [clic](https://mal.example) <script> {{agent}} https://mal.example"}
	x, _ := y.compose(i18n.Loc{}, story{told: told{news: "own.replied"}, ticket: evil, actor: "_Eve_ <b>", body: "Bonjour"})
	plain, rich := both(t, x)
	for _, bad := range []string{"<strong>", `href="https://mal`, "<script>", "<em>", "<b>"} {
		if strings.Contains(rich, bad) {
			t.Errorf("HTML holds %q", bad)
		}
	}
	if !strings.Contains(plain, "**gras** [clic](https://mal.example) <script> {{agent}}") || !strings.Contains(rich, `href="https://aide.exemple.fr/requests/INC-7"`) ||
		strings.ContainsAny(x.Subject, "\r\n") {
		t.Errorf("subject %q, text\n%s\nHTML\n%s", x.Subject, plain, rich)
	}
}

func TestSaveAndPreview(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			if err := setting.Set(ctx, tx, boss, identity.OrganisationKey, identity.Organisation{Name: "Ateliers Morvan"}); err != nil {
				return err
			}
			if err := SaveTemplate(ctx, tx, auth.Actor{ID: "x"}, Reply, i18n.FR, Template{}); !errors.Is(err, errs.Forbidden) {
				t.Errorf("somebody saves: %v", err)
			}
			if err := SaveTemplate(ctx, tx, boss, Reply, i18n.FR, Template{Body: "{{nobody}} {{message}}"}); !errors.Is(err, errs.Invalid) {
				t.Errorf("a mistake is saved: %v", err)
			}
			own := DefaultTemplate(Reply, i18n.FR)
			return SaveTemplate(ctx, tx, boss, Reply, i18n.FR, Template{Subject: own.Subject, Body: "Chère personne,\n\n{{message}}"})
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Write(ctx, func(tx *db.Tx) error {
			all, err := LoadTemplates(ctx, tx)
			if got := all[Reply]["fr"]; got.Subject != "" || got.Body == "" || all.Of(Reply, "").Subject != DefaultTemplate(Reply, i18n.FR).Subject ||
				!strings.HasPrefix(all.Of(Reply, i18n.FR).Body, "Chère") || strings.HasPrefix(all.Of(Reply, i18n.EN).Body, "Chère") {
				t.Errorf("kept %+v", all)
			}
			if err != nil {
				return err
			}
			if err := SaveTemplate(ctx, tx, boss, Reply, i18n.FR, DefaultTemplate(Reply, i18n.FR)); err != nil {
				return err
			}
			all, err = LoadTemplates(ctx, tx)
			if len(all[Reply]) != 0 {
				t.Errorf("the product's own is kept: %+v", all)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Read(ctx, func(tx *db.Tx) error {
			if _, _, _, err := Preview(ctx, tx, auth.Actor{ID: "x"}, Reply, "fr", Template{}); !errors.Is(err, errs.Forbidden) {
				t.Errorf("somebody previews: %v", err)
			}
			if _, _, _, err := Preview(ctx, tx, boss, Reply, "fr", Template{Body: "{{message}} {{x}}"}); len(errs.Fields(err)) != 1 {
				t.Errorf("a mistake is shown: %v", err)
			}
			subject, rich, plain, err := Preview(ctx, tx, boss, Resolved, "en", Template{Subject: "Done: {{subject}}"})
			balanced(t, rich)
			if subject != "Done: The VPN has been dropping since this morning" || !strings.Contains(rich, "Ateliers Morvan") || !strings.Contains(plain, "rate=good") {
				t.Errorf("%q\n%s", subject, plain)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Whatever colour an organisation has, its mails can be read.
func TestAccentsStayReadable(t *testing.T) {
	for _, accent := range []string{"", "#0b6466", "#ffffff", "#000000", "#ffff00", "#e8a000", "#ff0000", "#7f7f7f", "rouge", "#12", "#zzzzzz"} {
		k := Brand{Accent: accent}.look()
		for what, pair := range map[string][2]string{"button": {string(k.Accent), string(k.OnAccent)}, "link": {string(k.Link), "#ffffff"},
			"dark button": {string(k.Soft), string(k.OnSoft)}, "dark link": {string(k.Soft), "#1b211f"}} {
			a, ok1 := parseColour(pair[0])
			b, ok2 := parseColour(pair[1])
			if !ok1 || !ok2 || a.contrast(b) < 4.5 {
				t.Errorf("%s of %q: %v has a contrast of %.1f", what, accent, pair, a.contrast(b))
			}
		}
	}
	if ValidAccent("rouge") || !ValidAccent("#0B6466") || !ValidAccent("") {
		t.Error("what is a colour?")
	}
}

func TestFilesOfAMail(t *testing.T) {
	const mega = 1 << 20
	file := func(id, name, kind string, size int64) ticket.Attachment {
		return ticket.Attachment{ID: id, Name: name, ContentType: kind, Size: size, Hash: "h" + id}
	}
	s := story{told: told{news: "own.replied"}, ticket: vpn, actor: "Paul", body: "Voir ![écran](/attachments/A) et ![vidéo](/attachments/D)",
		files: []ticket.Attachment{file("B", "journal.txt", "text/plain", 4*mega), file("A", "ecran.png", "image/png", 2*mega),
			file("C", "film.mp4", "video/mp4", 9*mega), file("D", "grand.png", "image/png", 11*mega), file("E", "autre.png", "image/png", mega)}}
	x, files := here.compose(i18n.Loc{}, s)
	plain, rich := both(t, x)
	var got []string
	for _, f := range files {
		got = append(got, f.Hash+" "+f.ContentID)
	}
	if strings.Join(got, ", ") != "hA a@aide.exemple.fr, hB , hE " {
		t.Errorf("carries %q", got)
	}
	for _, want := range []string{`src="cid:a@aide.exemple.fr"`, `href="https://aide.exemple.fr/attachments/C"`, `href="https://aide.exemple.fr/attachments/D"`, "vidéo"} {
		if !strings.Contains(rich, want) {
			t.Errorf("HTML lacks %q", want)
		}
	}
	if strings.Contains(rich, `src="/`) || strings.Contains(rich, `src="http`) || !strings.Contains(plain, "2 fichiers joints") || !strings.Contains(plain, "https://aide.exemple.fr/attachments/C") {
		t.Errorf("text:\n%s", plain)
	}
	s.outsider = true
	x, _ = here.compose(i18n.Loc{}, s)
	if plain, rich := both(t, x); strings.Contains(plain+rich, "https://") || !strings.Contains(plain, "dites-nous comment") {
		t.Errorf("to somebody who cannot sign in:\n%s", plain)
	}
	s.told.news = "assigned.assigned"
	if _, files := here.compose(i18n.Loc{}, s); len(files) != 0 {
		t.Error("the desk carries its files around")
	}
}
