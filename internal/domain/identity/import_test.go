package identity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
)

// staff has one of each fault that files of personnel departments have.
const staff = "\uFEFFid,login,given,sn,mail,title,department,manager,site,phone,mobile,status,lang\n" +
	`E1,amercier,Alexandre,Mercier,alexandre.mercier@exemple.test,Directeur·rice,DG,,LYO,+33 1 99 00 00 01,,active,fr
E2,mrobin,Mathilde,Robin,mathilde.robin@exemple.test,Gestionnaire,DG,E9,LIL,+33 1 99 00 03 76,,active,en
E3,freynaud,Florence,Reynaud,MATHILDE.ROBIN@EXEMPLE.TEST,Assistant·e,DG,E1,PAR,,,active,fr
E4,ltraore,Louise,Traoré,,Assistant·e,DG,mrobin,TLS,,,active,fr
E5,agathe,Agathe,Blanchard,agathe@exemple.test,,DG,E5,BDX,,,active,fr
E6,emma,Emma,Martinez,emma@exemple.test,,DG,E7,DKR,,,active,fr
E7,sofia,Sofia,Richard,sofia@exemple.test,,DG,E6,STR,,,active,fr
E8,louis,Anne-Sophie,Louis,louis@exemple.test,,VIEUX,E99999,PAR,,,active,fr
E9,bhumbert,Benoît,Humbert,humbert@exemple.test,,DG,E1,LYO,,,left,fr
E10,zoe,Zoë,"Nguye` + "\u0302\u0303" + `n Thị",zoe@exemple.test,,DG,E1,STR,,,active,fr
E11,groyer,J.,"Smith, Jr.",gabin.royer@exemple.test,"=HYPERLINK(""http://exemple.invalid"")",DG,E1,PAR,,,active,fr
E12,cmarie,Clément,  Marie ,clement@exemple.test,,DG,E1,PAR,,,planned,de
E13,jd1,Jérôme,Duval,jd1@exemple.test,,DG,E1,PAR,,,active,fr
E14,jd2,Jérôme,Duval,jd2@exemple.test,,DG,E1,PAR,,,active,fr
E13,jd3,Jérôme,Encore,jd3@exemple.test,,DG,E1,PAR,,,active,fr
E15,odd,Odile,Deray,odd@exemple.test,,DG,E1,PAR,,,perhaps,fr
,noid,No,Id,,,DG,E1,PAR,,,active,fr
E16,quote,Bad "quote",Name,q@exemple.test,,DG,E1,PAR,,,active,fr
E17,bytes,Ren` + "\xe9" + `,Latin,r@exemple.test,,DG,E1,PAR,,,active,fr
E18,nomail,Not,Mail,not a mail,,DG,E1,PAR,,,active,fr
`

func importText(t *testing.T, d *db.DB, csv string, o identity.ImportOptions) identity.Report {
	t.Helper()
	r, err := identity.ImportPeople(t.Context(), d, machine, strings.NewReader(csv), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func byExternal(t *testing.T, d *db.DB) map[string]identity.Person {
	t.Helper()
	out := map[string]identity.Person{}
	write(t, d, func(ctx context.Context, tx *db.Tx) error {
		all, _, err := identity.List(ctx, tx, machine, identity.Filter{Everyone: true, Limit: 200})
		for _, p := range all {
			out[p.ExternalID] = p
		}
		return err
	})
	return out
}

func lines(bad []identity.Bad) (out []string) {
	for _, b := range bad {
		out = append(out, fmt.Sprintf("%d %s %s", b.Line, b.ID, strings.TrimPrefix(b.Key, "identity.")))
		for _, lang := range i18n.Langs() {
			i18n.New(string(lang), "UTC").T(b.Key, b.Args...) // panics when a sentence misses one of its arguments
		}
	}
	return out
}

func TestImportStandsOddities(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		o := identity.ImportOptions{Departments: map[string]string{"DG": "Direction générale"}, DryRun: true}
		dry := importText(t, d, staff, o)
		if n := dbtest.Count(t, d, "person"); n != 0 {
			t.Fatalf("a dry run stored %d people", n)
		}
		o.DryRun = false
		r := importText(t, d, staff, o)
		if r.Imported != 14 || r.Updated != 0 || r.Skipped != 0 || dry.Imported != 14 {
			t.Errorf("imported %d (dry %d), updated %d, skipped %d", r.Imported, dry.Imported, r.Updated, r.Skipped)
		}
		wantFailed := []string{"16 E13 import.twice", "17 E15 import.status", "18  import.key", "19  import.line",
			"20  import.encoding", "21 E18 email.wrong"}
		wantWarned := []string{"3 E2 import.manager_left", "4 E3 import.mail", "6 E5 import.manager_self", "7 E6 import.manager_loop",
			"8 E7 import.manager_loop", "9 E8 import.department", "9 E8 import.manager"}
		if got := lines(r.Failed); !slices.Equal(got, wantFailed) || !slices.Equal(lines(dry.Failed), got) {
			t.Errorf("failed:\n%s", strings.Join(got, "\n"))
		}
		if got := lines(r.Warned); !slices.Equal(got, wantWarned) || !slices.Equal(lines(dry.Warned), got) {
			t.Errorf("warned:\n%s", strings.Join(got, "\n"))
		}
		p := byExternal(t, d)
		for name, ok := range map[string]bool{
			"department by name":      p["E1"].Department == "Direction générale",
			"unknown department":      p["E8"].Department == "VIEUX",
			"manager further down":    p["E2"].ManagerID == p["E9"].ID,
			"manager by login":        p["E4"].ManagerID == p["E2"].ID,
			"own manager":             p["E5"].ManagerID == "",
			"loop":                    p["E6"].ManagerID == "" && p["E7"].ManagerID == "",
			"unknown manager":         p["E8"].ManagerID == "",
			"second owner of an mail": p["E3"].Email == "" && p["E2"].Email == "mathilde.robin@exemple.test",
			"leaver":                  !p["E9"].Active && !p["E12"].Active && p["E1"].Active,
			"comma":                   p["E11"].Name == "J. Smith, Jr.",
			"formula":                 p["E11"].Title == `=HYPERLINK("http://exemple.invalid")`,
			"blanks":                  p["E12"].Name == "Clément Marie",
			"stacked marks":           p["E10"].Name == "Zoë Nguyễn Thị",
			"namesakes":               p["E13"].Name == p["E14"].Name && p["E13"].ID != p["E14"].ID,
			"language":                p["E2"].Lang == "en" && p["E12"].Lang == "",
			"nobody from outside":     !p["E1"].External,
		} {
			if !ok {
				t.Errorf("%s: not as it should be", name)
			}
		}
		again := importText(t, d, staff, o)
		if again.Imported != 0 || again.Updated != 0 || again.Skipped != 14 {
			t.Errorf("the second time: imported %d, updated %d, skipped %d", again.Imported, again.Updated, again.Skipped)
		}
	})
}

func TestImportUpdatesAndAdopts(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		admin := add(t, d, "Ada Admin", auth.Admin)
		var guest identity.Person
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			guest, err = identity.EnsureParticipant(ctx, tx, machine, "Zoe@exemple.test", "z")
			return err
		})
		importText(t, d, "matricule;prénom;nom;e-mail;fonction;statut\nA1;Ada;Admin;ada.admin@exemple.test;RSSI;actif\nZ1;Zoé;Petit;zoe@exemple.test;;actif\n", identity.ImportOptions{})
		p := byExternal(t, d)
		if p["A1"].ID != admin.ID || p["A1"].Title != "RSSI" || !p["A1"].Is(auth.Admin) {
			t.Errorf("the administrator: %+v", p["A1"])
		}
		if p["Z1"].ID != guest.ID || p["Z1"].External || p["Z1"].Name != "Zoé Petit" {
			t.Errorf("the participant: %+v", p["Z1"])
		}
		var session string
		write(t, d, func(ctx context.Context, tx *db.Tx) (err error) {
			session, _, err = identity.OpenSession(ctx, tx, guest.ID, "", "", time.Hour)
			return err
		})
		r := importText(t, d, "matricule\tnom\tstatut\nA1\tAda Admin\tparti\nZ1\tZoé Grand\tparti\n", identity.ImportOptions{})
		if r.Updated != 1 || r.Skipped != 1 || !slices.Equal(lines(r.Warned), []string{"2 A1 import.lastadmin"}) {
			t.Errorf("%+v", r)
		}
		p = byExternal(t, d)
		if !p["A1"].Active || p["Z1"].Active || p["Z1"].Name != "Zoé Grand" || p["Z1"].Email == "" {
			t.Errorf("after: %+v %+v", p["A1"], p["Z1"])
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			_, _, err := identity.ActorOfSession(t.Context(), tx, session, 0, 0)
			return err
		})
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("the leaver's session: %v", err)
		}
		want := []string{"person.created", "person.updated", "person.updated", "person.deactivated"}
		if got := kinds(t, d, "person/"+guest.ID); !slices.Equal(got, want) {
			t.Errorf("events %v", got)
		}
	})
}

func TestImportNeedsAnAdministratorAndAHeader(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		agent := add(t, d, "Guy Agent", auth.Agent)
		for name, c := range map[string]struct {
			a    auth.Actor
			csv  string
			want error
		}{
			"agent":   {actor(t, d, agent), staff, errs.Forbidden},
			"nothing": {machine, "", errs.Invalid},
			"header":  {machine, "a,b\n1,2\n", errs.Invalid},
		} {
			if _, err := identity.ImportPeople(t.Context(), d, c.a, strings.NewReader(c.csv), identity.ImportOptions{}); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := identity.ImportGroups(t.Context(), d, c.a, strings.NewReader(c.csv), identity.ImportOptions{}); !errors.Is(err, c.want) && c.csv != staff {
				t.Errorf("%s, groups: %v", name, err)
			}
		}
	})
}

func TestImportOfManyIsInBatches(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		var b strings.Builder
		b.WriteString("id,name,manager\n")
		for i := range 450 {
			fmt.Fprintf(&b, "P%d,Person %d,P%d\n", i, i, i+1) // each one's manager stands on the next line
		}
		var steps []int
		r := importText(t, d, b.String(), identity.ImportOptions{Progress: func(done, total int) { steps = append(steps, done, total) }})
		if r.Imported != 450 || len(r.Failed) != 0 || !slices.Equal(lines(r.Warned), []string{"451 P449 import.manager"}) {
			t.Fatalf("%d imported, failed %v, warned %v", r.Imported, lines(r.Failed), lines(r.Warned))
		}
		if want := []int{200, 900, 400, 900, 450, 900, 650, 900, 850, 900, 900, 900}; !slices.Equal(steps, want) {
			t.Errorf("steps %v", steps)
		}
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			var n int
			err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM person p JOIN person m ON m.id = p.manager_id WHERE m.external_id > ''").Scan(&n)
			if n != 449 {
				t.Errorf("%d managers", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestImportGroups(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		importText(t, d, staff, identity.ImportOptions{})
		const csv = "code,name,member\ntous,Tous les salariés,amercier\ntous,Tous les salariés,E4\nTOUS,Tous,amercier\nSecours,Secouristes,mathilde.robin@exemple.test\nvide,Personne,\nsecours,,fantome\n,,zoe\n"
		run := func(o identity.ImportOptions) identity.Report {
			r, err := identity.ImportGroups(t.Context(), d, machine, strings.NewReader(csv), o)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		run(identity.ImportOptions{DryRun: true})
		if n := dbtest.Count(t, d, "people_group"); n != 0 {
			t.Errorf("a dry run stored %d groups", n)
		}
		r := run(identity.ImportOptions{})
		if r.Imported != 3 || r.Skipped != 1 || !slices.Equal(lines(r.Failed), []string{"7 secours import.member", "8  group.code"}) {
			t.Errorf("first: %+v", r)
		}
		if r := run(identity.ImportOptions{}); r.Imported != 0 || r.Skipped != 4 {
			t.Errorf("second: %+v", r)
		}
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			all, err := identity.ListGroups(ctx, tx, machine)
			var got []string
			for _, g := range all {
				got = append(got, fmt.Sprint(g.Code, g.People))
			}
			if !slices.Equal(got, []string{"vide0", "secours1", "tous2"}) {
				t.Errorf("groups %v", got)
			}
			return err
		})
	})
}
