package importing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/blob"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	"entraide/internal/usecase/importing"
	"entraide/internal/usecase/intake"
	"entraide/internal/usecase/react"
	"errors"
)

// archived writes one message of an mbox file.
func archived(id, from, to, date, subject, cites, body string) string {
	if cites != "" {
		cites = "In-Reply-To: <" + cites + ">\nReferences: <" + cites + ">\n"
	}
	return fmt.Sprintf("From x Thu Mar 12 09:44:00 2020\nMessage-ID: <%s>\nFrom: %s\nTo: %s\nDate: %s\nSubject: %s\n%s\n%s\n\n", id, from, to, date, subject, cites, body)
}

// centre is an empty support centre, and where its files lie.
func centre(t *testing.T, d *db.DB) blob.Store {
	t.Helper()
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := identity.Seed(t.Context(), tx, admin, [3]string{"Accueil", "Réseaux", "Éditeurs"}); err != nil {
			return err
		}
		return ticket.Seed(t.Context(), tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return blobs
}

// TestMailOverLimit imports a message that is longer than a limit below what is kept of such messages.
func TestMailOverLimit(t *testing.T) {
	dbtest.EachWith(t, dbtest.Options{Reacts: react.Readers}, func(t *testing.T, d *db.DB) {
		blobs := centre(t, d)
		path := filepath.Join(t.TempDir(), "inbox")
		long := archived("1@x", "ann@exemple.fr", "aide@exemple.fr", "Thu, 12 Mar 2020 09:44:00 +0100", "Long", "", strings.Repeat("Il se coupe. ", 200))
		if err := os.WriteFile(path, []byte(long), 0o644); err != nil {
			t.Fatal(err)
		}
		var why []string
		im := importing.Mail{DB: d, Blobs: blobs, Intake: intake.Options{Host: "aide.exemple.fr", Limit: 1000},
			Refuse: func(b importing.Bad) error { why = append(why, b.Err.Error()); return nil }, Progress: func(int, int) {}}
		rep, err := im.Run(t.Context(), admin, []string{path})
		if err != nil || rep.Failed != 1 || len(why) != 1 || !strings.Contains(why[0], "too_long") {
			t.Errorf("%+v, %v, refused %q", rep, err, why)
		}
		if n := dbtest.Count(t, d, "envelope WHERE state = 'parked'"); n != 1 {
			t.Errorf("%d parked", n)
		}
	})
}

func TestMailArchive(t *testing.T) {
	dbtest.EachWith(t, dbtest.Options{Reacts: react.Readers}, func(t *testing.T, d *db.DB) {
		blobs := centre(t, d)
		const ann, desk = "Ann Roux <ann@exemple.fr>", "Support <aide@exemple.fr>"
		recent := time.Now().Add(-48 * time.Hour).Format(time.RFC1123Z)
		// The newest first, as some programs write it.
		box := archived("5@x", ann, desk, recent, "Écran noir", "", "Depuis hier") +
			archived("4@x", "robot@x.example", desk, "Sat, 14 Mar 2020 09:44:00 +0100", "Absence", "", "x\n") +
			archived("3@x", ann, desk, "Fri, 13 Mar 2020 09:44:00 +0100", "RE: VPN", "2@x", "Merci, c'est réglé.") +
			archived("2@x", desk, ann, "Thu, 12 Mar 2020 11:00:00 +0100", "RE: VPN", "1@x", "Redémarrez le boîtier.") +
			archived("1@x", ann, desk, "Thu, 12 Mar 2020 09:44:00 +0100", "VPN", "", "Il se coupe") +
			archived("0@x", desk, "Bob <bob@exemple.fr>", "Wed, 11 Mar 2020 09:44:00 +0100", "Votre nouveau poste", "", "Il arrive lundi.") +
			"From x Thu Mar 12 09:44:00 2020\n\n\n"
		path := filepath.Join(t.TempDir(), "inbox")
		if err := os.WriteFile(path, []byte(box), 0o644); err != nil {
			t.Fatal(err)
		}
		var refused []importing.Bad
		im := importing.Mail{DB: d, Blobs: blobs, ClosedAfter: 30 * 24 * time.Hour, Intake: intake.Options{Host: "aide.exemple.fr", Own: []string{"aide@exemple.fr"}},
			Refuse: func(b importing.Bad) error { refused = append(refused, b); return nil }, Progress: func(int, int) {}}
		if _, err := im.Run(t.Context(), auth.Actor{ID: "x"}, []string{path}); !errors.Is(err, errs.Forbidden) {
			t.Errorf("anybody imports: %v", err)
		}
		dry := im
		dry.DryRun = true
		if rep, err := dry.Run(t.Context(), admin, []string{path}); err != nil || rep.Imported != 6 || rep.Failed != 1 || dbtest.Count(t, d, "ticket")+dbtest.Count(t, d, "envelope") != 0 {
			t.Errorf("dry run: %+v, %v", rep, err)
		}
		refused = nil
		for i, want := range []importing.Report{{Imported: 6, Failed: 1}, {Skipped: 7}} {
			rep, err := im.Run(t.Context(), admin, []string{path})
			if err != nil || rep.Imported != want.Imported || rep.Skipped != want.Skipped || rep.Failed != want.Failed {
				t.Errorf("run %d: %+v, %v, want %+v", i, rep, err, want)
			}
		}
		if len(refused) != 1 {
			t.Errorf("refused: %+v", refused)
		}
		if n := dbtest.Count(t, d, "event_todo") + dbtest.Count(t, d, "job"); n != 0 || dbtest.Count(t, d, "ticket") != 4 {
			t.Errorf("%d promises of an import, %d tickets", n, dbtest.Count(t, d, "ticket"))
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			for ref, want := range map[string]string{
				"INC-1001": "Votre nouveau poste, resolved, 2020-03-11 08:44, 2020-03-11 08:44: desk Il arrive lundi.",
				"INC-1002": "VPN, resolved, 2020-03-12 08:44, 2020-03-13 08:44: Ann Roux Il se coupe | desk Redémarrez le boîtier. | Ann Roux Merci, c'est réglé.",
			} {
				tk, err := ticket.Find(t.Context(), tx, admin, ref)
				if err != nil {
					return err
				}
				said, err := ticket.Conversation(t.Context(), tx, admin, tk)
				if err != nil {
					return err
				}
				var words []string
				for _, m := range said {
					who := m.Author
					if m.ByAgent {
						who = "desk"
					}
					words = append(words, who+" "+m.Body)
				}
				const clock = "2006-01-02 15:04"
				got := fmt.Sprintf("%s, %s, %s, %s: %s", tk.Subject, tk.Status, tk.CreatedAt.UTC().Format(clock), tk.ResolvedAt.UTC().Format(clock), strings.Join(words, " | "))
				if got != want {
					t.Errorf("%s: %s\nwant %s", ref, got, want)
				}
			}
			tk, err := ticket.Find(t.Context(), tx, admin, "INC-1004")
			if tk.Status != ticket.New {
				t.Errorf("what is recent is %s", tk.Status)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
