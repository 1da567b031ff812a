package front_test

import (
	"context"
	"strings"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/usecase/access"
)

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.get("/sign-in?back=/requests").want(t, "form", 200, "Me connecter")
		a := b.post("/sign-in", "who", w.ada.Email, "password", "autre chose", "back", "/requests")
		a.want(t, "wrong password", 422, "ne correspond pas")
		if a.attr("name", "who", "value") != w.ada.Email || !strings.Contains(a.body, `name="back" value="/requests"`) {
			t.Error("what was typed is lost")
		}
		if strings.Contains(a.body, "autre chose") {
			t.Error("the password comes back in the page")
		}
		known := a.text()
		stranger := b.post("/sign-in", "who", "personne@x.example", "password", "autre chose", "back", "/requests").text()
		if stranger != known {
			t.Errorf("the answer tells who has an account:\n%s\n%s", known, stranger)
		}
		for back, want := range map[string]string{"/requests": "/requests", "https://ailleurs.example/": "/", "//ailleurs.example": "/", "": "/", "/\\ailleurs.example": "/"} {
			a := w.browser().post("/sign-in", "who", strings.ToUpper(w.ada.Email), "password", password, "back", back)
			if a.StatusCode != 303 || a.Header.Get("Location") != want {
				t.Errorf("back %q: %d to %q, want %q", back, a.StatusCode, a.Header.Get("Location"), want)
			}
		}
		for _, c := range w.browser().post("/sign-in", "who", w.ada.Email, "password", password).Cookies() {
			if c.Name == "entraide_session" && (!c.HttpOnly || c.SameSite == 0) {
				t.Errorf("cookie %+v", c)
			}
		}
		in := w.in()
		if a := in.get("/sign-in?back=/requests"); a.StatusCode != 303 || a.Header.Get("Location") != "/requests" {
			t.Errorf("already signed in: %d", a.StatusCode)
		}
		in.get("/").want(t, "home", 200, "home of Ada Martin")
		in.post("/sign-out")
		if body := in.get("/").body; body != "home of " {
			t.Errorf("after signing out: %s", body)
		}
	})
}

func TestSignInPauses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		for range 5 {
			b.post("/sign-in", "who", w.ada.Email, "password", "autre chose")
		}
		a := b.post("/sign-in", "who", w.ada.Email, "password", password)
		if a.StatusCode != 422 || !strings.Contains(a.text(), "minute") {
			t.Errorf("the sixth try: %d %s", a.StatusCode, a.text())
		}
	})
}

func TestLanguage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		if a := b.post("/language", "lang", "en", "back", "//ailleurs.example"); a.Header.Get("Location") != "/" {
			t.Errorf("leads to %q", a.Header.Get("Location"))
		}
		b.get("/sign-in").want(t, "in English", 200, "Sign in")
		in := w.in()
		in.post("/language", "lang", "en", "back", "/me")
		if w.person().Lang != "en" {
			t.Error("the profile does not keep the language")
		}
		in.get("/me").want(t, "profile", 200, "My profile")
	})
}

func TestReset(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.get("/forgot").want(t, "form", 200, "Recevoir un lien")
		known := b.post("/forgot", "email", w.ada.Email)
		known.want(t, "sent", 200, "un lien vient d’être envoyé")
		other := b.post("/forgot", "email", "zoe@x.example")
		if strings.ReplaceAll(known.text(), w.ada.Email, "") != strings.ReplaceAll(other.text(), "zoe@x.example", "") {
			t.Error("the answer tells who has an account")
		}
		var token string
		w.write(func(ctx context.Context, tx *db.Tx) (err error) {
			token, _, err = identity.RequestReset(ctx, tx, w.ada.Email)
			return err
		})
		old := w.in()
		a := b.get(access.Path + token)
		a.want(t, "choose", 200, "Ada Martin")
		if a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Error("the secret address is told to others")
		}
		b.post(access.Path+token, "password", "court").want(t, "too short", 422, "12")
		if a := b.post(access.Path+token, "password", "trois bateaux sur la route"); a.StatusCode != 303 {
			t.Fatalf("chosen: %d %s", a.StatusCode, a.text())
		}
		b.get("/").want(t, "signed in", 200, "home of Ada Martin")
		if body := old.get("/").body; body != "home of " {
			t.Error("another session outlived the reset")
		}
		if a := w.browser().get(access.Path + token); a.StatusCode != 404 {
			t.Errorf("the link works twice: %d", a.StatusCode)
		}
		if a := w.browser().get(access.Path + "nothing"); a.StatusCode != 404 {
			t.Errorf("an invented link: %d", a.StatusCode)
		}
	})
}

func TestInvitation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bo := w.add(identity.Person{Name: "Bo Le Goff", Email: "bo@x.example", Lang: "fr"}, "")
		var token string
		w.write(func(ctx context.Context, tx *db.Tx) (err error) {
			token, err = access.Invite(ctx, tx, auth.System("test"), "http://x.example", bo)
			return err
		})
		b := w.browser()
		if b.post("/sign-in", "who", bo.Email, "password", "").StatusCode != 422 {
			t.Error("one signs in without ever having chosen a password")
		}
		b.get(access.Path+token).want(t, "invitation", 200, "Bo Le Goff, choisissez votre mot de passe")
		if a := b.post(access.Path+token, "password", "trois bateaux sur la route"); a.StatusCode != 303 || a.Header.Get("Location") != "/" {
			t.Fatalf("%d %s", a.StatusCode, a.text())
		}
		b.get("/").want(t, "in", 200, "home of Bo Le Goff")
	})
}

func TestFirstAdministrator(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var token string
		w.write(func(ctx context.Context, tx *db.Tx) (err error) { token, err = identity.Bootstrap(ctx, tx); return err })
		b := w.browser()
		b.get(access.Path+token).want(t, "first", 200, "administrateur")
		a := b.post(access.Path+token, "name", "Hervé Guyot", "email", "pas une adresse", "password", "trois bateaux sur la route")
		a.want(t, "bad address", 422)
		if a.attr("name", "name", "value") != "Hervé Guyot" || a.attr("name", "email", "value") != "pas une adresse" {
			t.Error("what was typed is lost")
		}
		if a := b.post(access.Path+token, "name", "Hervé Guyot", "email", "herve@x.example", "password", "trois bateaux sur la route"); a.Header.Get("Location") != "/settings" {
			t.Fatalf("%d %s", a.StatusCode, a.text())
		}
		b.get("/").want(t, "in", 200, "home of Hervé Guyot")
	})
}
