package portal

import (
	"github.com/a-h/templ"

	"entraide/internal/base/i18n"
	"entraide/internal/door/web/ui"
)

// narrow makes u a short answer of a kind.
func narrow(u ui.Field, kind string, attrs templ.Attributes) ui.Field {
	u.Narrow, u.Kind, u.Attrs = true, kind, attrs
	return u
}

// crumbsTo leads back from a page under a request.
func crumbsTo(l i18n.Loc, ref, here string) []ui.Crumb {
	return []ui.Crumb{{Label: l.T("portal.mine"), Href: RequestsPath}, {Label: ref, Href: RequestsPath + "/" + ref}, {Label: here}}
}
