package settings

import (
	"context"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/domain/identity"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/settings"
	"entraide/internal/door/web/ui"
)

// offered is how many people a picker shows: who sees more types one more letter.
const offered = 8

// line is a person on one line of a list.
func line(x identity.Person) ui.Person {
	detail := x.Email
	for _, more := range []string{x.Title, x.Site} {
		if more != "" && detail != "" {
			detail += " · "
		}
		detail += more
	}
	return ui.Person{ID: x.ID, Name: x.Name, Detail: detail}
}

// pick fills v with the people whom its query finds; in are those who are members, say adds what there is to know.
func pick(ctx context.Context, tx *db.Tx, a auth.Actor, v *page.Picker, in map[string]bool, say func(identity.Person, *page.Found)) error {
	if v.Query = strings.TrimSpace(v.Query); v.Query == "" {
		return nil
	}
	list, err := identity.Search(ctx, tx, a, v.Query, offered)
	if err != nil {
		return err
	}
	for _, x := range list {
		f := page.Found{Person: line(x), In: in[x.ID]}
		say(x, &f)
		v.Found = append(v.Found, f)
	}
	faces := make([]*ui.Person, len(v.Found))
	for i := range v.Found {
		faces[i] = &v.Found[i].Person
	}
	return kit.Faces(ctx, tx, a, faces...)
}
