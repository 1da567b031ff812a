package front_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/notify"
)

func TestProfile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.in()
		a := b.get("/me")
		a.want(t, "profile", 200, "Ada Martin", "ada@x.example")
		seen := a.attr("name", "version", "value")
		send := func(version, phone string) answer {
			return b.post("/me", "version", version, "given_name", "Adèle", "lang", "fr", "zone", "Europe/Zurich", "phone", phone, "theme", "dark")
		}
		a = send(seen, "pas un numéro")
		a.want(t, "bad number", 422, "n’est pas un téléphone")
		if a.attr("name", "given_name", "value") != "Adèle" || a.attr("name", "phone", "value") != "pas un numéro" {
			t.Error("what was typed is lost")
		}
		if w.person().GivenName != "Ada" {
			t.Error("a refused form changed something")
		}
		if a := send(seen, "02 40 12 34 56"); a.StatusCode != 303 {
			t.Fatalf("saved: %d %s", a.StatusCode, a.text())
		}
		if me := w.person(); me.GivenName != "Adèle" || me.Zone != "Europe/Zurich" || me.Phone != "02 40 12 34 56" || me.Name != "Ada Martin" {
			t.Errorf("%+v", me)
		}
		a = b.get("/me")
		a.want(t, "confirmed", 200, "enregistré")
		if !strings.Contains(a.body, `data-theme="entraide-dark"`) {
			t.Error("the theme is not used")
		}
		send(seen, "02 40 12 34 99").want(t, "a second tab that fell behind", 409, "a changé entre-temps")
		if w.person().Phone != "02 40 12 34 56" {
			t.Error("the tab that fell behind won")
		}
	})
}

func TestAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.add(identity.Person{Name: "Bo Le Goff", Email: "bo@x.example"}, "")
		b := w.in()
		a := b.post("/me/away", "from", "bientôt", "until", "2031-08-20", "deputy", "personne@x.example", "note", "En congé")
		a.want(t, "wrong", 422, "Donnez une date", "Personne n’a cette adresse")
		if a.attr("name", "note", "value") != "En congé" {
			t.Error("what was typed is lost")
		}
		if a := b.post("/me/away", "from", "2031-08-01", "until", "2031-08-20", "deputy", "bo@x.example", "note", "En congé"); a.StatusCode != 303 {
			t.Fatalf("%d %s", a.StatusCode, a.text())
		}
		a = b.get("/me")
		for name, want := range map[string]string{"from": "2031-08-01", "until": "2031-08-20", "deputy": "bo@x.example"} {
			if got := a.attr("name", name, "value"); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		b.post("/me/away", "from", "2031-08-01", "until", "")
		if !w.person().Away.Until.IsZero() {
			t.Error("an empty last day does not end the absence")
		}
	})
}

func TestPhoto(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.in()
		for name, data := range map[string][]byte{"notes.txt": []byte("bonjour"), "photo.png": []byte("\x89PNG\r\n\x1a\n but not really"),
			"photo.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "page.jpg": []byte("<html><script>alert(1)</script>")} {
			b.file("/me/photo", name, data).want(t, name, 422, "Ce fichier n’est pas une photo lisible")
		}
		b.file("/me/photo", "vide.png", nil).want(t, "empty", 422, "Choisissez une photo")
		b.file("/me/photo", "grande.png", append(picture(t, 9, 9), make([]byte, 11<<20)...)).want(t, "11 MB", 422, "dépasse 10 Mo")
		b.post("/me/photo").want(t, "no file", 422, "Choisissez une photo")
		if w.person().Avatar != "" {
			t.Fatal("a refused file was kept")
		}
		if a := b.file("/me/photo", "moi.png", picture(t, 900, 300)); a.StatusCode != 303 {
			t.Fatalf("%d %s", a.StatusCode, a.text())
		}
		a := b.get("/me")
		a.want(t, "saved", 200, "Photo enregistrée")
		src := "/people/" + w.ada.ID + "/photo?v=" + w.person().Avatar[:12]
		if strings.Count(a.body, `src="`+strings.ReplaceAll(src, "&", "&amp;")+`"`) < 2 {
			t.Errorf("%s is not in the bar and in the profile", src)
		}
		p := b.get(src)
		m, _, err := image.Decode(bytes.NewReader([]byte(p.body)))
		if err != nil || m.Bounds().Dx() != 256 || m.Bounds().Dy() != 256 {
			t.Fatalf("%v %v", m, err)
		}
		if r, _, bl, _ := m.At(3, 128).RGBA(); r > 0x4000 || bl < 0xa000 {
			t.Errorf("the left of the picture is still there: %v", m.At(3, 128))
		}
		for name, want := range map[string]string{"Content-Type": "image/jpeg", "Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"} {
			if got := p.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if a := b.get(strings.Split(src, "?")[0]); a.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("an address without the bytes' name may be kept: %s", a.Header.Get("Cache-Control"))
		}
		if a := w.browser().get(src); a.StatusCode == 200 {
			t.Error("strangers see it")
		}
		b.post("/me/photo/removal")
		if a := b.get(src); a.StatusCode != 404 {
			t.Errorf("after its removal: %d", a.StatusCode)
		}
	})
}

func TestAccess(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here, there := w.in(), w.in()
		a := here.get("/me/security")
		a.want(t, "sessions", 200, "Cette session")
		here.post("/me/password", "old", "autre chose", "password", "trois bateaux sur la route").want(t, "wrong old one", 422)
		here.post("/me/password", "old", password, "password", "court").want(t, "too short", 422, "12")
		at := strings.Index(a.body, "/me/sessions/")
		if at < 0 {
			t.Fatal("the other session cannot be ended")
		}
		path, _, _ := strings.Cut(a.body[at:], `"`)
		here.post(path)
		if there.get("/").body != "home of " {
			t.Error("the other session goes on")
		}
		there = w.in()
		if a := here.post("/me/password", "old", password, "password", "trois bateaux sur la route"); a.StatusCode != 303 {
			t.Fatalf("%d %s", a.StatusCode, a.text())
		}
		if there.get("/").body != "home of " || here.get("/").body != "home of Ada Martin" {
			t.Error("a new password ends the others and keeps this one")
		}
	})
}

func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.in()
		b.post("/me/tokens", "name", "").want(t, "without a name", 422)
		a := b.post("/me/tokens", "name", "Tableau de bord", "scope", "tickets:read", "days", "30")
		a.want(t, "made", 200, "Tableau de bord")
		if strings.Contains(b.get("/me/security").body, "ent_") {
			t.Error("the secret is shown twice")
		}
		at := strings.Index(a.body, "/me/tokens/")
		path, _, _ := strings.Cut(a.body[at:], `"`)
		b.post(path)
		if strings.Contains(b.get("/me/security").text(), "Tableau de bord") {
			t.Error("still there after it was revoked")
		}
	})
}

func TestInbox(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.in()
		b.get("/notifications").want(t, "empty", 200, "Rien de nouveau")
		for i := range 3 {
			w.write(func(ctx context.Context, tx *db.Tx) error {
				return notify.Put(ctx, tx, auth.System("test"), notify.Item{Person: w.ada.ID, EventID: fmt.Sprintf("e%d", i), News: "own.replied",
					Actor: "Yanis", Ref: fmt.Sprintf("ticket/%d", i), Title: fmt.Sprintf("INC-%d <b>VPN</b>", i), Excerpt: "Bonjour"})
			})
		}
		a := b.get("/notifications")
		a.want(t, "three", 200, "INC-0 <b>VPN</b>", "INC-2", "Non lue.")
		at := strings.Index(a.body, "/notifications/0")
		if at < 0 {
			t.Fatal("no way to read one")
		}
		path, _, _ := strings.Cut(a.body[at:], `"`)
		if a := b.post(path, "to", "https://ailleurs.example/"); a.Header.Get("Location") != "/notifications" {
			t.Errorf("leads to %q", a.Header.Get("Location"))
		}
		if a := b.post(path, "to", "/requests/INC-1"); a.Header.Get("Location") != "/requests/INC-1" {
			t.Errorf("leads to %q", a.Header.Get("Location"))
		}
		if n := strings.Count(b.get("/notifications?unread=1").text(), "INC-"); n != 2 {
			t.Errorf("%d unread, want 2", n)
		}
		if !strings.Contains(b.get("/notifications/bell").body, ">2<") {
			t.Error("the bell does not say 2")
		}
		b.post("/notifications/read")
		b.get("/notifications?unread=1").want(t, "all read", 200, "Rien de nouveau")
	})
}

func TestChoices(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.in()
		topic := string(notify.Topics(auth.Actor{ID: w.ada.ID})[0])
		b.get("/me/notifications").want(t, "choices", 200, "Dans le résumé du jour")
		if a := b.post("/me/notifications", "mail."+topic, "digest", "quiet_from", "22:30", "quiet_until", "07:00", "digest_at", "09:15"); a.StatusCode != 303 {
			t.Fatalf("%d %s", a.StatusCode, a.text())
		}
		a := b.get("/me/notifications")
		if a.attr("name", "quiet_from", "value") != "22:30" || a.attr("name", "digest_at", "value") != "09:15" {
			t.Error("the quiet hours are lost")
		}
		if _, checked := map[string]bool{a.attr("name", "inbox."+topic, "value"): true}["1"]; !checked {
			t.Errorf("no choice for %s", topic)
		}
	})
}
