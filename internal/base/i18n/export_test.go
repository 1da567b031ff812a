package i18n

import "slices"

// Placeholders lists, for each key of a language, its placeholder names, sorted and each once.
func Placeholders(lang Lang) map[string][]string {
	all := map[string][]string{}
	for key, t := range (Loc{Lang: lang}).table().texts {
		names := []string{}
		for _, p := range t.parts {
			if p.name != "" {
				names = append(names, p.name)
			}
		}
		slices.Sort(names)
		all[key] = slices.Compact(names)
	}
	return all
}
