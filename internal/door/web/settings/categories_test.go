package settings_test

import (
	"fmt"
	"net/url"
	"testing"

	"entraide/internal/base/db"
	"entraide/internal/domain/ticket"
)

func TestCategoriesAndPriorities(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, admin, agent browser) {
		const path = "/settings/categories"
		admin.do(200, path, nil)
		agent.do(403, path, nil)
		typed := url.Values{"name_fr": {"Réseau"}, "name_en": {""}}
		has(t, admin.do(422, path, typed), `value="Réseau"`)
		typed.Set("name_en", "Network")
		agent.do(403, path, typed)
		admin.do(303, path, typed)
		tree := func() (c ticket.Tree, m ticket.Matrix) {
			err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
				if c, err = ticket.Categories(t.Context(), tx); err != nil {
					return err
				}
				m, err = ticket.PriorityMatrix(t.Context(), tx)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return c, m
		}
		all, _ := tree()
		if len(all) != 1 || !all[0].Active {
			t.Fatalf("categories: %+v", all)
		}
		has(t, admin.do(200, path+"?open="+all[0].ID, nil), `value="Network"`)
		typed = url.Values{"id": {all[0].ID}, "version": {"1"}, "name_fr": {"Réseaux"}, "name_en": {"Networks"}}
		admin.do(303, path, typed)
		again := admin.do(409, path, typed) // saved by somebody else in between
		has(t, again, `value="Réseaux"`)
		has(t, again, `name="version" value="2"`) // so that saving again keeps one's own
		admin.do(404, path, url.Values{"id": {"none"}, "version": {"1"}, "name_fr": {"x"}, "name_en": {"x"}})
		if all, _ = tree(); all[0].Active || all[0].NameFR != "Réseaux" {
			t.Errorf("category: %+v", all[0])
		}

		matrix := url.Values{}
		for i := 1; i <= 4; i++ {
			for u := 1; u <= 4; u++ {
				matrix.Set(fmt.Sprintf("priority.%d.%d", i, u), "2")
			}
		}
		admin.do(303, path+"/priorities", matrix)
		if _, m := tree(); m[3][3] != 2 {
			t.Errorf("matrix: %v", m)
		}
		matrix.Set("priority.2.3", "9")
		admin.do(422, path+"/priorities", matrix)
		agent.do(403, path+"/priorities", matrix)
	})
}
