package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

const personColumns = `p.id, p.email, p.login, p.external_id, p.name, p.given_name, p.lang, p.zone, p.title, p.department,
	p.site, p.phone, p.mobile, COALESCE(p.manager_id, ''), p.avatar, p.theme, p.vip, p.active, p.external,
	p.password <> '', p.out_from, p.out_until, p.out_note, COALESCE(p.deputy_id, ''), p.created_at, p.updated_at, p.version,
	COALESCE((SELECT string_agg(r.role, ',') FROM person_role r WHERE r.person_id = p.id), '')`

func scanPerson(r db.Row, p *Person) error {
	var roles string
	err := r.Scan(&p.ID, &p.Email, &p.Login, &p.ExternalID, &p.Name, &p.GivenName, &p.Lang, &p.Zone, &p.Title, &p.Department,
		&p.Site, &p.Phone, &p.Mobile, &p.ManagerID, &p.Avatar, &p.Theme, &p.VIP, &p.Active, &p.External,
		&p.HasPassword, db.Millis(&p.Away.From), db.Millis(&p.Away.Until), &p.Away.Note, &p.Away.DeputyID,
		db.Millis(&p.Created), db.Millis(&p.Updated), &p.Version, &roles)
	p.Roles = splitRoles(roles)
	return err
}

// query gathers the conditions of a search, numbering parameters as they come.
type query struct {
	where []string
	args  []any
}

// arg adds a parameter and returns its name.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) and(cond string) { q.where = append(q.where, cond) }

func (q *query) sql() string { return " WHERE " + strings.Join(q.where, " AND ") }

// visible adds who a may see among the people named p.
func (q *query) visible(a auth.Actor) {
	if seesAll(a) {
		q.and("TRUE")
		return
	}
	me := q.arg(a.ID)
	q.and("(p.id = " + me + " OR p.active AND NOT p.external AND EXISTS (" +
		"SELECT 1 FROM person me WHERE me.id = " + me + " AND me.active AND NOT me.external))")
}

// people runs a search and hides from a what a directory does not show.
func people(ctx context.Context, tx *db.Tx, a auth.Actor, q *query, tail string) ([]Person, error) {
	found, err := db.All(ctx, tx, scanPerson, "SELECT "+personColumns+" FROM person p"+q.sql()+tail, q.args...)
	if !seesAll(a) {
		for i := range found {
			if found[i].ID != a.ID {
				found[i].public()
			}
		}
	}
	return found, err
}

func findWhere(ctx context.Context, tx *db.Tx, a auth.Actor, column, value string) (Person, error) {
	value = text.Line(value) // what comes from an address bar may hold bytes that a database refuses
	if value == "" {
		return Person{}, fmt.Errorf("person without %s: %w", column, errs.NotFound)
	}
	q := &query{}
	q.and("p." + column + " = " + q.arg(value))
	q.visible(a)
	found, err := people(ctx, tx, a, q, "")
	if err == nil && len(found) == 0 {
		err = errs.NotFound
	}
	if err != nil {
		return Person{}, fmt.Errorf("person by %s: %w", column, err)
	}
	return found[0], nil
}

// Find returns the person id if a may see them. Errors: errs.NotFound, also for one that a may not see.
func Find(ctx context.Context, tx *db.Tx, a auth.Actor, id string) (Person, error) {
	return findWhere(ctx, tx, a, "id", id)
}

// FindByEmail returns the person with a mail address, whatever its case. Errors: as Find.
func FindByEmail(ctx context.Context, tx *db.Tx, a auth.Actor, email string) (Person, error) {
	return findWhere(ctx, tx, a, "email_key", emailKey(email))
}

// FindByLogin returns the person with a login, whatever its case. Errors: as Find.
func FindByLogin(ctx context.Context, tx *db.Tx, a auth.Actor, login string) (Person, error) {
	return findWhere(ctx, tx, a, "login", strings.ToLower(strings.TrimSpace(login)))
}

// FindByExternalID returns the person with an id in the source they came from. Errors: as Find.
func FindByExternalID(ctx context.Context, tx *db.Tx, a auth.Actor, externalID string) (Person, error) {
	return findWhere(ctx, tx, a, "external_id", externalID)
}

// FindMany returns those of the people ids that a may see, by id, in one statement.
func FindMany(ctx context.Context, tx *db.Tx, a auth.Actor, ids []string) (map[string]Person, error) {
	out := make(map[string]Person, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	q := &query{}
	q.arg(db.List(ids))
	q.and(tx.In("p.id", 1))
	q.visible(a)
	found, err := people(ctx, tx, a, q, "")
	for _, p := range found {
		out[p.ID] = p
	}
	return out, err
}

// Places returns the sites and the departments that active people have, each once, by name; for agents.
func Places(ctx context.Context, tx *db.Tx, a auth.Actor) (sites, departments []string, err error) {
	if !a.Agent() {
		return nil, nil, nil
	}
	if sites, err = db.Strings(ctx, tx, "SELECT DISTINCT site FROM person WHERE active AND site <> '' ORDER BY site"); err != nil {
		return nil, nil, err
	}
	departments, err = db.Strings(ctx, tx, "SELECT DISTINCT department FROM person WHERE active AND department <> '' ORDER BY department")
	return sites, departments, err
}

// Filter narrows List. The zero Filter lists active people.
type Filter struct {
	Query    string    // beginnings of words of the name, of the address or the login
	Role     auth.Role // "" = any; auth.Requester = those without any role
	TeamID   string    // "" = any
	GroupID  string    // "" = any
	Inactive bool      // those who are no longer active instead
	Everyone bool      // active or not
	Limit    int       // at most 200; 0 = 50
	After    string    // where the page before ended, as List returned it; "" = from the beginning
}

// List returns a page of the people that a may see by name, and where the next page begins, "" at the end.
// Errors: errs.Invalid when After was not made by List.
func List(ctx context.Context, tx *db.Tx, a auth.Actor, f Filter) (page []Person, next string, err error) {
	q := &query{}
	q.visible(a)
	if !f.Everyone {
		q.and("p.active = " + q.arg(!f.Inactive))
	}
	q.words(f.Query)
	switch {
	case f.Role == auth.Requester:
		q.and("NOT EXISTS (SELECT 1 FROM person_role r WHERE r.person_id = p.id)")
	case f.Role != "":
		q.and("EXISTS (SELECT 1 FROM person_role r WHERE r.person_id = p.id AND r.role = " + q.arg(string(f.Role)) + ")")
	}
	if f.TeamID != "" {
		q.and("EXISTS (SELECT 1 FROM team_member m WHERE m.person_id = p.id AND m.team_id = " + q.arg(f.TeamID) + ")")
	}
	if f.GroupID != "" {
		q.and("EXISTS (SELECT 1 FROM group_member m WHERE m.person_id = p.id AND m.group_id = " + q.arg(f.GroupID) + ")")
	}
	if f.After != "" {
		fold, id, err := parseCursor(f.After)
		if err != nil {
			return nil, "", err
		}
		q.and("(p.name_fold, p.id) > (" + q.arg(fold) + ", " + q.arg(id) + ")")
	}
	limit := pageSize(f.Limit)
	page, err = people(ctx, tx, a, q, " ORDER BY p.name_fold, p.id LIMIT "+q.arg(limit+1))
	if err == nil && len(page) > limit {
		page = page[:limit]
		last := page[limit-1]
		next = base64.RawURLEncoding.EncodeToString([]byte(foldName(last.Name) + "\n" + last.ID))
	}
	return page, next, err
}

func pageSize(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 200)
}

func parseCursor(s string) (fold, id string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	fold, id, ok := strings.Cut(string(b), "\n")
	if err != nil || !ok {
		return "", "", errs.InvalidField("cursor", "identity.cursor")
	}
	return text.Line(fold), text.Line(id), nil
}

// maxWords bounds how many words of a search count.
const maxWords = 5

// words asks that each word typed begins a word of the name, the address or the login.
func (q *query) words(typed string) {
	raw := strings.TrimPrefix(emailKey(text.Line(typed)), "@")
	words := strings.Fields(foldName(raw))
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	if raw == "" {
		return
	}
	var each []string
	for _, w := range words {
		each = append(each, "' ' || p.name_fold LIKE "+q.arg("% "+db.LikePattern(w)[1:])+` ESCAPE '\'`)
	}
	prefix := db.LikePattern(raw)[1:]
	match := "p.email_key LIKE " + q.arg(prefix) + ` ESCAPE '\' OR p.login LIKE ` + q.arg(prefix) + ` ESCAPE '\'`
	if len(each) > 0 {
		match = strings.Join(each, " AND ") + " OR " + match
	}
	q.and("(" + match + ")")
}

// Search returns up to limit active people for mentions and pickers: each word of typed begins a word of their name,
// or typed begins their address or login. Names that begin with it come first, participants from outside last.
func Search(ctx context.Context, tx *db.Tx, a auth.Actor, typed string, limit int) ([]Person, error) {
	q := &query{}
	q.visible(a)
	q.and("p.active")
	q.words(typed)
	first := q.arg(db.LikePattern(foldName(typed))[1:])
	return people(ctx, tx, a, q, " ORDER BY p.external, CASE WHEN p.name_fold LIKE "+first+
		` ESCAPE '\' THEN 0 ELSE 1 END, p.name_fold, p.id LIMIT `+q.arg(pageSize(limit)))
}

// insert stores a new person with the version 1 and the hash of a password, "" = none.
// Errors: errs.Invalid when address, login or external id are taken.
func insert(ctx context.Context, tx *db.Tx, p *Person, stored string) error {
	p.Created, p.Updated, p.Version = tx.Now, tx.Now, 1
	n, err := tx.Exec(ctx, `
		INSERT INTO person (id, email, email_key, login, external_id, name, given_name, name_fold, lang, zone, title,
			department, site, phone, mobile, manager_id, avatar, theme, vip, active, external,
			out_from, out_until, out_note, deputy_id, created_at, updated_at, password, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NULLIF($16, ''), $17, $18, $19, $20, $21,
			$22, $23, $24, NULLIF($25, ''), $26, $27, $28, 1) ON CONFLICT DO NOTHING`,
		p.ID, p.Email, emailKey(p.Email), p.Login, p.ExternalID, p.Name, p.GivenName, foldName(p.Name), p.Lang, p.Zone, p.Title,
		p.Department, p.Site, p.Phone, p.Mobile, p.ManagerID, p.Avatar, p.Theme, p.VIP, p.Active, p.External,
		db.Ms(p.Away.From), db.Ms(p.Away.Until), p.Away.Note, p.Away.DeputyID, db.Ms(tx.Now), db.Ms(tx.Now), stored)
	if err == nil && n == 0 {
		return taken(ctx, tx, *p)
	}
	return err
}

// save stores p if its version is still the one in the table, and raises it. It does not touch roles and password.
// Errors: errs.Conflict when somebody saved in between, errs.Invalid as insert.
func save(ctx context.Context, tx *db.Tx, p *Person) error {
	if err := taken(ctx, tx, *p); err != nil {
		return err
	}
	err := tx.ExecOne(ctx, `
		UPDATE person SET email = $1, email_key = $2, login = $3, external_id = $4, name = $5, given_name = $6, name_fold = $7,
			lang = $8, zone = $9, title = $10, department = $11, site = $12, phone = $13, mobile = $14,
			manager_id = NULLIF($15, ''), avatar = $16, theme = $17, vip = $18, active = $19, external = $20, out_from = $21,
			out_until = $22, out_note = $23, deputy_id = NULLIF($24, ''), updated_at = $25, version = version + 1
		WHERE id = $26 AND version = $27`,
		p.Email, emailKey(p.Email), p.Login, p.ExternalID, p.Name, p.GivenName, foldName(p.Name),
		p.Lang, p.Zone, p.Title, p.Department, p.Site, p.Phone, p.Mobile,
		p.ManagerID, p.Avatar, p.Theme, p.VIP, p.Active, p.External, db.Ms(p.Away.From),
		db.Ms(p.Away.Until), p.Away.Note, p.Away.DeputyID, db.Ms(tx.Now), p.ID, p.Version)
	if errors.Is(err, errs.NotFound) || db.IsUnique(err) {
		return fmt.Errorf("save person %s: %w", p.ID, errs.Because(errs.Conflict, "identity.conflict"))
	}
	p.Updated, p.Version = tx.Now, p.Version+1
	return err
}

// taken says which of address, login and external id belong to somebody else.
func taken(ctx context.Context, tx *db.Tx, p Person) error {
	type hit struct{ mail, login, external bool }
	hits, err := db.All(ctx, tx, func(r db.Row, h *hit) error { return r.Scan(&h.mail, &h.login, &h.external) }, `
		SELECT email_key <> '' AND email_key = $1, login <> '' AND login = $2, external_id <> '' AND external_id = $3
		FROM person WHERE id <> $4 AND ((email_key <> '' AND email_key = $1) OR (login <> '' AND login = $2)
			OR (external_id <> '' AND external_id = $3))`, emailKey(p.Email), p.Login, p.ExternalID, p.ID)
	if err != nil {
		return err
	}
	var f []errs.Field
	if slices.ContainsFunc(hits, func(h hit) bool { return h.mail }) {
		f = append(f, errs.Field{Name: "email", Key: "identity.email.taken"})
	}
	if slices.ContainsFunc(hits, func(h hit) bool { return h.login }) {
		f = append(f, errs.Field{Name: "login", Key: "identity.login.taken"})
	}
	if slices.ContainsFunc(hits, func(h hit) bool { return h.external }) {
		f = append(f, errs.Field{Name: "external_id", Key: "identity.external.taken"})
	}
	return errs.InvalidFields(f)
}
