package i18n

import (
	"sync"
	_ "time/tzdata" // zones must exist on a machine without a zone database

	"golang.org/x/text/language"
)

var matcher = sync.OnceValue(func() language.Matcher {
	return language.NewMatcher([]language.Tag{language.French, language.English})
})

// Match chooses the language of a reader: the profile's when it is set and known, else the best of the
// Accept-Language header by its q-values, else French.
func Match(profile, acceptLanguage string) Lang {
	if Lang(profile) == FR || Lang(profile) == EN {
		return Lang(profile)
	}
	_, i := language.MatchStrings(matcher(), profile, acceptLanguage)
	return Langs()[i]
}
