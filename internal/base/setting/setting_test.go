package setting_test

import (
	"errors"
	"slices"
	"testing"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/db/dbtest"
	"entraide/internal/base/errs"
	"entraide/internal/base/setting"
)

type mail struct {
	Host string
	Port int
}

var admin = auth.Actor{ID: "root", Roles: []auth.Role{auth.Admin}}

func TestSetAndGet(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		def := mail{Host: "localhost", Port: 25}
		expect := func(want mail) {
			t.Helper()
			var got mail
			err := d.Read(ctx, func(tx *db.Tx) (err error) { got, err = setting.Get(ctx, tx, "mail", def); return err })
			if err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		expect(def)
		heard := d.Listen(func(topic string) bool { return topic == "setting/mail" })
		defer heard.Close()
		for _, v := range []mail{{"a", 587}, {"b", 0}} {
			if err := d.Write(ctx, func(tx *db.Tx) error { return setting.Set(ctx, tx, admin, "mail", v) }); err != nil {
				t.Fatal(err)
			}
			expect(v)
		}
		if topics := heard.Take(); !slices.Contains(topics, "setting/mail") {
			t.Errorf("heard %v", topics)
		}
		if n := dbtest.Count(t, d, "setting"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestWhatWasStored(t *testing.T) {
	for name, c := range map[string]struct {
		stored string
		want   mail
		fails  bool
	}{
		"a field the older version did not know": {`{"Host":"a"}`, mail{"a", 25}, false},
		"a field this version does not know":     {`{"Host":"a","Port":1,"TLS":true}`, mail{"a", 1}, false},
		"not JSON":                               {`{`, mail{"localhost", 25}, true},
		"another type":                           {`{"Port":"many"}`, mail{"localhost", 25}, true},
	} {
		t.Run(name, func(t *testing.T) {
			seed := "INSERT INTO setting (key, value, updated_at, updated_by) VALUES ('mail', '" + c.stored + "', 0, '');\n"
			dbtest.Each(t, seed, func(t *testing.T, d *db.DB) {
				var got mail
				err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
					got, err = setting.Get(t.Context(), tx, "mail", mail{"localhost", 25})
					return err
				})
				if got != c.want || (err != nil) != c.fails {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

func TestOnlyAdministratorsSet(t *testing.T) {
	dbtest.Each(t, "", func(t *testing.T, d *db.DB) {
		for name, a := range map[string]auth.Actor{
			"nobody": {}, "requester": {ID: "r"}, "agent": {ID: "a", Roles: []auth.Role{auth.Agent}}, "lead": {ID: "l", Roles: []auth.Role{auth.Lead}},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { return setting.Set(t.Context(), tx, a, "mail", 1) })
			if !errors.Is(err, errs.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return setting.Set(t.Context(), tx, auth.System("set-up"), "mail", 1) }); err != nil {
			t.Errorf("the machine: %v", err)
		}
	})
}
