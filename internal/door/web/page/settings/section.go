package settings

import (
	"context"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/door/web/ui"
)

// section is one part of the settings. Its key is the end of its path and of its catalogue keys.
type section struct {
	key string
	who auth.Role // who enters beside administrators: leads for their teams, agents for what is theirs; "" = nobody
}

// groups are the sections in the order of the navigation, under the catalogue keys of their titles.
func groups() []struct {
	title    string
	sections []section
} {
	return []struct {
		title    string
		sections []section
	}{
		{"settings.group.centre", []section{{"organisation", ""}}},
		{"settings.group.people", []section{{"people", ""}, {"teams", auth.Lead}, {"groups", ""}}},
		{"settings.group.desk", []section{{"categories", ""}, {"fields", ""}, {"sla", ""}, {"replies", auth.Agent}, {"views", auth.Lead}}},
		{"settings.group.machine", []section{{"mail", ""}, {"work", ""}, {"tokens", ""}}},
	}
}

// topic is one thing that people look for in the settings, and where it is.
type topic struct {
	key, section, where string // where follows the section's path
}

func topics() []topic {
	return []topic{
		{"name", "organisation", "#f-name"}, {"reopen", "organisation", "#f-reopen"}, {"undo", "organisation", "#f-undo"},
		{"invite", "people", "/new"}, {"roles", "people", ""}, {"leaving", "people", ""},
		{"members", "teams", ""}, {"away", "teams", ""}, {"level", "teams", ""}, {"queue", "teams", ""},
		{"audience", "groups", ""}, {"tree", "categories", ""}, {"priorities", "categories", "#priorities"},
		{"hours", "sla", ""}, {"promises", "sla", ""}, {"choices", "fields", "/new"}, {"order", "fields", ""}, {"variables", "replies", "/new"}, {"filters", "views", ""},
		{"smtp", "mail", ""}, {"unsent", "mail", ""}, {"failed", "work", ""}, {"api", "tokens", ""},
	}
}

// open reports whether the person of ctx may enter s.
func (s section) open(ctx context.Context) bool {
	a := auth.From(ctx)
	return a.Admin() || s.who == auth.Agent && a.Agent() || s.who == auth.Lead && a.Is(auth.Lead)
}

func (s section) path() string { return ui.SettingsPath + "/" + s.key }

// Side is the navigation beside every page of the settings: what the person of ctx may enter.
func Side(ctx context.Context) []ui.NavGroup {
	var out []ui.NavGroup
	if auth.From(ctx).Is(auth.Lead) {
		out = []ui.NavGroup{{Items: []ui.NavItem{{Key: "overview", Label: i18n.T(ctx, "settings.overview"), Href: ui.SettingsPath}}}}
	}
	for _, g := range groups() {
		n := ui.NavGroup{Title: i18n.T(ctx, g.title)}
		for _, s := range g.sections {
			if s.open(ctx) {
				n.Items = append(n.Items, ui.NavItem{Key: s.key, Label: i18n.T(ctx, "settings."+s.key), Href: s.path()})
			}
		}
		if len(n.Items) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// Hit is a section, or something in one, that a search found.
type Hit struct {
	Label, Lead, Href string
	Badge             Badge
}

// Badge is the state of a section in a few words. The zero Badge is none.
type Badge struct {
	Text string
	Bad  bool // something asks for attention
}

// Search returns the sections and what is in them that typed names: each word begins a word of the label, of what the
// section is for, or of its topics. badges are by section.
func Search(ctx context.Context, typed string, badges map[string]Badge) (out []Hit) {
	words := strings.Fields(text.Fold(typed))
	finds := func(texts ...string) bool {
		all := " " + strings.NewReplacer("’", " ", "'", " ", "-", " ", "(", " ", "«", " ").Replace(text.Fold(strings.Join(texts, " ")))
		for _, w := range words {
			if !strings.Contains(all, " "+w) {
				return false
			}
		}
		return len(words) > 0
	}
	for _, g := range groups() {
		for _, s := range g.sections {
			if !s.open(ctx) {
				continue
			}
			label := i18n.T(ctx, "settings."+s.key)
			if lead := i18n.T(ctx, "settings."+s.key+".lead"); finds(label, lead) {
				out = append(out, Hit{label, lead, s.path(), badges[s.key]})
			}
			for _, t := range topics() {
				if topic := i18n.T(ctx, "settings.topic."+t.key); t.section == s.key && finds(topic, label) {
					out = append(out, Hit{Label: topic, Lead: label, Href: s.path() + t.where})
				}
			}
		}
	}
	return out
}
