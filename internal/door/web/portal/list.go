package portal

import (
	"context"
	"net/http"
	"net/url"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/i18n"
	"entraide/internal/base/text"
	"entraide/internal/domain/ticket"
	"entraide/internal/door/web/kit"
	page "entraide/internal/door/web/page/portal"
	"entraide/internal/door/web/ui"
)

// onList is how many requests one page of the list shows.
const onList = 20

// tabs are the parts of the list, in their order.
var tabs = []string{"open", "closed", "all", "watched"}

func filterOf(tab string, a auth.Actor) ticket.Filter {
	switch tab {
	case "closed":
		return ticket.Filter{Requester: a.ID, Statuses: []ticket.Status{ticket.Resolved, ticket.Closed, ticket.Cancelled}}
	case "all":
		return ticket.Filter{Requester: a.ID}
	case "watched":
		return ticket.Filter{Watched: true}
	default:
		return ticket.Filter{Requester: a.ID, Active: true}
	}
}

func (p portal) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := page.ListView{State: "open", Query: text.Line(q.Get("q"))}
	for _, t := range tabs {
		if q.Get("state") == t {
			v.State = t
		}
	}
	err := p.Read(r, func(ctx context.Context, tx *db.Tx, a auth.Actor) error {
		l := i18n.From(ctx)
		var filters []ticket.Filter
		for _, t := range tabs {
			f := filterOf(t, a)
			f.Q = v.Query
			filters = append(filters, f)
		}
		counts, err := ticket.Counts(ctx, tx, a, filters)
		if err != nil {
			return err
		}
		for i, t := range tabs {
			v.Tabs = append(v.Tabs, ui.Tab{Label: l.T("portal.tab." + t), Href: listURL(t, v.Query, ""), Count: count(l, counts[i]), Current: t == v.State})
		}
		f := filterOf(v.State, a)
		f.Q = v.Query
		found, next, err := ticket.List(ctx, tx, a, f, ticket.Page{Limit: onList, Cursor: q.Get("after")})
		if err != nil {
			return err
		}
		for _, t := range found {
			line := page.Line{Request: summary(l, t, tx.Now), When: l.When(t.UpdatedAt, tx.Now)}
			if !t.Own(a) {
				line.Who = t.Requester
			}
			v.Lines = append(v.Lines, line)
		}
		if next != "" {
			v.Pager.Next = listURL(v.State, v.Query, next)
		}
		if q.Get("after") != "" {
			v.Pager.Prev = listURL(v.State, v.Query, "") // a list read by key knows its beginning, not the page before
		}
		return nil
	})
	if err != nil {
		return err
	}
	s, err := p.Shell(w, r, i18n.T(r.Context(), "portal.mine"), "requests")
	if err != nil {
		return err
	}
	return kit.Render(w, r, http.StatusOK, page.List(s, v))
}

// search looks through all of one's requests: where the search of the top bar leads without script.
func (p portal) search(w http.ResponseWriter, r *http.Request) error {
	return kit.Redirect(w, r, listURL("all", text.Line(r.URL.Query().Get("q")), ""))
}

func count(l i18n.Loc, n int) string {
	if n >= ticket.MaxCount {
		return l.Number(ticket.MaxCount-1) + "+"
	}
	return l.Number(int64(n))
}

func listURL(state, query, after string) string {
	q := url.Values{"state": {state}}
	if query != "" {
		q.Set("q", query)
	}
	if after != "" {
		q.Set("after", after)
	}
	return page.RequestsPath + "?" + q.Encode()
}
