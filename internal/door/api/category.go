package api

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/text"
	"entraide/internal/domain/ticket"
)

func (s *server) categoryOf(ctx context.Context, tx *db.Tx, id string) (*categoryRef, error) {
	if id == "" {
		return nil, nil
	}
	tree, err := s.categories.get(ctx, tx, ticket.Categories)
	if err != nil {
		return nil, err
	}
	out := &categoryRef{ID: id, Path: []string{}}
	for _, c := range tree.Path(id) {
		out.Path = append(out.Path, c.Name(string(callOf(ctx).loc.Lang)))
	}
	return out, nil
}

// categoryArg names a category: its id, or the names from the top in either language, as a list or with slashes.
type categoryArg struct{ path string }

// Schema documents the two forms.
func (categoryArg) Schema(huma.Registry) *huma.Schema {
	long := 500
	return &huma.Schema{
		Description: "Id, or names from the top in either language: \"Réseau et VPN/VPN\" or [\"Réseau et VPN\", \"VPN\"].",
		OneOf: []*huma.Schema{{Type: huma.TypeString, MaxLength: &long},
			{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, MaxLength: &long}}},
		Examples: []any{"Réseau et VPN/VPN"},
	}
}

// UnmarshalJSON reads both forms.
func (c *categoryArg) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var names []string
		err := json.Unmarshal(b, &names)
		c.path = strings.Join(names, "/")
		return err
	}
	return json.Unmarshal(b, &c.path)
}

// category returns the id of the category that a caller names.
// Errors: errs.Invalid.
func (s *server) category(ctx context.Context, tx *db.Tx, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	tree, err := s.categories.get(ctx, tx, ticket.Categories)
	if err != nil {
		return "", err
	}
	if _, ok := tree.Find(path); ok {
		return path, nil
	}
	want := pathKey(path)
	for _, c := range tree {
		for _, lang := range []string{"fr", "en"} {
			var names []string
			for _, p := range tree.Path(c.ID) {
				names = append(names, p.Name(lang))
			}
			if pathKey(strings.Join(names, "/")) == want {
				return c.ID, nil
			}
		}
	}
	return "", errs.InvalidField("category", "ticket.category_unknown")
}

// pathKey is what makes two ways of writing a path the same.
func pathKey(path string) string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '›' || r == '>' })
	for i, p := range parts {
		parts[i] = strings.Join(strings.Fields(text.Fold(p)), " ")
	}
	return strings.Join(parts, "/")
}
