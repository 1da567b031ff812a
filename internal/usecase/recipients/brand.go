package recipients

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/setting"
	"entraide/internal/base/text"
	"entraide/internal/domain/identity"
)

// BrandKey is the setting of the organisation's looks in mails.
const BrandKey = "mail.brand"

// Brand is how mails show whose they are.
type Brand struct {
	Name   string `json:"name"`   // in the head and foot; "" = the organisation's
	Accent string `json:"accent"` // "#0b6466"; "" = the product's
}

// maxBrandName is the longest name, in runes.
const maxBrandName = 80

// Check returns b in its stored form.
// Errors: errs.Invalid (name, accent).
func (b Brand) Check() (Brand, error) {
	b.Name, b.Accent = text.Line(b.Name), strings.ToLower(strings.TrimSpace(b.Accent))
	var wrong []errs.Field
	if utf8.RuneCountInString(b.Name) > maxBrandName {
		wrong = append(wrong, errs.Field{Name: "name", Key: "ticket.name_length", Args: []any{"max", maxBrandName}})
	}
	if !ValidAccent(b.Accent) {
		wrong = append(wrong, errs.Field{Name: "accent", Key: "mailpage.brand.accent.wrong"})
	}
	return b, errs.InvalidFields(wrong)
}

// house is the product's own colour.
const house = "#0b6466"

// look is a Brand worked out: colours that stay readable in light and dark mail programs.
type look struct {
	Name     string
	Initial  string // for the mark beside the name
	Accent   template.CSS
	OnAccent template.CSS // text upon it
	Link     template.CSS // on white
	Soft     template.CSS // accent for dark mode
	OnSoft   template.CSS
}

// brand reads how mails look.
func (p Place) brand(ctx context.Context, tx *db.Tx) (look, error) {
	b, err := setting.Get(ctx, tx, BrandKey, Brand{})
	if err != nil {
		return look{}, err
	}
	o, err := setting.Get(ctx, tx, identity.OrganisationKey, identity.Organisation{})
	if err != nil {
		return look{}, err
	}
	for _, name := range []string{p.Name, o.Name} {
		if b.Name == "" {
			b.Name = name
		}
	}
	return b.look(), nil
}

// look works b out.
func (b Brand) look() look {
	if b.Name == "" {
		b.Name = "Entraide"
	}
	c, ok := parseColour(b.Accent)
	if !ok {
		c, _ = parseColour(house)
	}
	soft := c
	for soft.contrast(dark) < 7 {
		soft = soft.mix(white, .15)
	}
	link := c
	for link.contrast(white) < 5 {
		link = link.mix(ink, .15)
	}
	on := white
	for _, darker := range []colour{ink, {}} {
		if c.contrast(on) < 4.5 {
			on = darker
		}
	}
	x := look{Name: b.Name, Accent: c.css(), OnAccent: on.css(), Link: link.css(), Soft: soft.css(), OnSoft: dark.css()}
	for _, r := range b.Name {
		x.Initial = string(r)
		break
	}
	return x
}

// colour is red, green and blue from 0 to 1.
type colour [3]float64

var (
	white = colour{1, 1, 1}
	ink   = colour{28 / 255., 36 / 255., 34 / 255.}
	dark  = colour{5 / 255., 33 / 255., 31 / 255.}
)

// parseColour reads "#0b6466".
func parseColour(s string) (c colour, ok bool) {
	if len(s) != 7 || s[0] != '#' {
		return c, false
	}
	for i := range c {
		n, err := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return c, false
		}
		c[i] = float64(n) / 255
	}
	return c, true
}

// ValidAccent reports whether s is a colour that a Brand takes: "" or "#" and six hexadecimal digits.
func ValidAccent(s string) bool {
	_, ok := parseColour(s)
	return ok || s == ""
}

func (c colour) css() template.CSS {
	return template.CSS(fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0]*255)), int(math.Round(c[1]*255)), int(math.Round(c[2]*255))))
}

// mix moves c towards o by share.
func (c colour) mix(o colour, share float64) colour {
	for i := range c {
		c[i] += (o[i] - c[i]) * share
	}
	return c
}

// luminance and contrast are those of WCAG 2.
func (c colour) luminance() float64 {
	for i, v := range c {
		if v <= .04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+.055)/1.055, 2.4)
		}
	}
	return .2126*c[0] + .7152*c[1] + .0722*c[2]
}

func (c colour) contrast(o colour) float64 {
	a, b := c.luminance(), o.luminance()
	return (max(a, b) + .05) / (min(a, b) + .05)
}
