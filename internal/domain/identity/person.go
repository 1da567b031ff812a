package identity

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"entraide/internal/base/auth"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
)

// Person is somebody who may ask, help or be told: a colleague, or an outside participant known by mail.
type Person struct {
	ID          string
	Email       string // as written; "" = none. Unique whatever the case
	Login       string // lower case; "" = none
	ExternalID  string // in the source they were imported from; "" = none
	Name        string // as shown, at most 200 characters, never empty
	GivenName   string // for greetings; "" = use Name
	Lang        string // "fr", "en"; "" = as the browser says
	Zone        string // IANA name; "" = the organisation's
	Title       string // their function: "Technicienne support"
	Department  string // as the source writes it, name or code
	Site        string
	Phone       string
	Mobile      string
	ManagerID   string // "" = none known
	Avatar      string // blob hash; "" = initials
	Theme       string // "light", "dark"; "" = as the system says
	VIP         bool
	Active      bool
	External    bool // a participant known by mail only
	HasPassword bool // can sign in with one
	Away        Away
	Roles       []auth.Role // without the implied requester, in the order of auth.Roles
	Created     time.Time
	Updated     time.Time
	Version     int64 // grows by one at each save
}

// Is reports whether p has role r, as auth.Actor.Is does.
func (p Person) Is(r auth.Role) bool {
	return auth.Actor{ID: p.ID, Roles: p.Roles}.Is(r)
}

// Greeting returns the given name, or the whole name when it is unknown.
func (p Person) Greeting() string {
	if p.GivenName != "" {
		return p.GivenName
	}
	return p.Name
}

// MayEdit returns nil if a may change p's own settings: language, time zone, telephones, picture, theme, given name,
// absence. Errors: errs.Forbidden.
func (p Person) MayEdit(a auth.Actor) error {
	if a.Scoped("people:write") && (a.Admin() || a.ID != "" && a.ID == p.ID) {
		return nil
	}
	return fmt.Errorf("edit person %s: %w", p.ID, errs.Forbidden)
}

// MayAdminister returns nil if a may create people, change all of their fields, their roles and whether they are
// active. Errors: errs.Forbidden.
func MayAdminister(a auth.Actor) error {
	if a.Admin() && a.Scoped("people:write") {
		return nil
	}
	return fmt.Errorf("administer people: %w", errs.Forbidden)
}

// seesAll reports whether a sees everybody with all fields.
func seesAll(a auth.Actor) bool { return a.Agent() }

// public empties what a directory does not show.
func (p *Person) public() {
	p.ExternalID, p.Theme, p.Lang, p.Zone = "", "", "", ""
	p.VIP, p.HasPassword = false, false
}

const (
	maxName  = 200
	maxMail  = 254
	maxShort = 100
	maxPhone = 40
)

// clean brings what was typed into the form in which it is stored.
func (p *Person) clean() {
	for _, s := range []*string{&p.Email, &p.Login, &p.ExternalID, &p.Name, &p.GivenName, &p.Lang, &p.Zone, &p.Title,
		&p.Department, &p.Site, &p.Phone, &p.Mobile, &p.Theme, &p.Away.Note} {
		*s = text.Line(*s)
	}
	p.Login = strings.ToLower(p.Login)
}

// Validate says field by field what cannot be accepted. Errors: errs.Invalid.
func (p Person) Validate() error {
	var f []errs.Field
	add := func(name, key string, args ...any) { f = append(f, errs.Field{Name: name, Key: key, Args: args}) }
	if p.Name == "" {
		add("name", "identity.name.missing")
	}
	for _, s := range []struct {
		name, value string
		max         int
	}{{"name", p.Name, maxName}, {"given_name", p.GivenName, maxShort}, {"login", p.Login, maxShort},
		{"external_id", p.ExternalID, maxShort}, {"title", p.Title, maxName}, {"department", p.Department, maxName},
		{"site", p.Site, maxName}, {"email", p.Email, maxMail}} {
		if len([]rune(s.value)) > s.max {
			add(s.name, "identity.long", "max", s.max)
		}
	}
	if p.Email != "" && !validMail(p.Email) {
		add("email", "identity.email.wrong")
	}
	if strings.ContainsFunc(p.Login, unicode.IsSpace) {
		add("login", "identity.login.blank")
	}
	if !slices.Contains([]string{"", "fr", "en"}, p.Lang) {
		add("lang", "identity.lang.unknown")
	}
	if !validZone(p.Zone) {
		add("zone", "identity.zone.unknown")
	}
	if !slices.Contains([]string{"", "light", "dark"}, p.Theme) {
		add("theme", "identity.theme.unknown")
	}
	if !validPhone(p.Phone) {
		add("phone", "identity.phone.wrong")
	}
	if !validPhone(p.Mobile) {
		add("mobile", "identity.phone.wrong")
	}
	if !validAvatar(p.Avatar) {
		add("avatar", "identity.avatar.wrong")
	}
	if p.ManagerID != "" && p.ManagerID == p.ID {
		add("manager", "identity.manager.self")
	}
	f = append(f, p.Away.problems(p.ID)...)
	return errs.InvalidFields(f)
}

// validMail accepts a bare address: no display name, no comment, something on both sides of the @.
func validMail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, " \t<>\"")
}

func validZone(s string) bool {
	if s == "" {
		return true
	}
	_, err := time.LoadLocation(s)
	return err == nil && s != "Local"
}

// validPhone is lenient, because people write "poste 1234"; it refuses what is no telephone at all.
func validPhone(s string) bool {
	return s == "" || len(s) <= maxPhone && strings.ContainsAny(s, "0123456789") && !strings.ContainsAny(s, "<>@\"")
}

// cutMail splits an address at its last @.
func cutMail(s string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// validAvatar accepts the hash of a stored content, SHA-256 in hexadecimal digits.
func validAvatar(s string) bool {
	return s == "" || len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// emailKey is what makes two addresses the same: case does not count, accents do.
func emailKey(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// foldName is name_fold: the words of a name in lower case without accents, hyphens and apostrophes apart,
// so that "jean" and "pierre" both find "Jean-Pierre".
func foldName(s string) string {
	return strings.Join(strings.FieldsFunc(text.Fold(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ")
}
