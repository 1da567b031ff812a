package desk

import (
	"net/url"
	"slices"
	"strconv"

	"entraide/internal/base/text"
	"entraide/internal/domain/ticket"
)

// query is what a list is asked for: a view, what narrows it, its order and page. It travels with every link, so that
// the list beside a ticket stays the one it was opened from.
type query struct {
	view, q, status, category, sort, cursor string
	priority                                int
}

func readQuery(v url.Values) query {
	q := query{view: v.Get("view"), q: v.Get("q"), status: v.Get("status"), category: v.Get("category"), cursor: v.Get("cursor")}
	if p, err := strconv.Atoi(v.Get("priority")); err == nil && p >= 1 && p <= 4 {
		q.priority = p
	}
	if !slices.Contains(ticket.Statuses(), ticket.Status(q.status)) {
		q.status = ""
	}
	if s := ticket.Sort(v.Get("sort")); slices.Contains(ticket.Sorts(), s) {
		q.sort = string(s)
	}
	if q.view == "" {
		q.view = "mine"
	}
	return q
}

// values are the parameters of q, without the view for the address of the view itself.
func (q query) values(withView bool) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	if withView {
		set("view", q.view)
	}
	set("q", q.q)
	set("status", q.status)
	set("category", q.category)
	set("sort", q.sort)
	set("cursor", q.cursor)
	if q.priority != 0 {
		v.Set("priority", strconv.Itoa(q.priority))
	}
	return v
}

func (q query) narrowed() bool {
	return q.q != "" || q.status != "" || q.category != "" || q.priority != 0
}

// filter is the filter of a view, narrowed by q.
func (q query) filter(f ticket.Filter, tree ticket.Tree) ticket.Filter {
	if q.q != "" {
		f.Q = q.q
	}
	if q.status != "" {
		f.Statuses = []ticket.Status{ticket.Status(q.status)}
		f.Active, f.ResolvedDays = ticket.Status(q.status).Active(), 0
	}
	if q.category != "" {
		f.Categories = tree.Below(q.category)
	}
	if q.priority != 0 {
		f.Priority = q.priority
	}
	return f
}

// clean takes out of what was sent what is no text: PostgreSQL refuses it, and nobody can have typed it.
func clean(v url.Values) url.Values {
	for _, list := range v {
		for i := range list {
			list[i] = text.Clean(list[i])
		}
	}
	return v
}

func viewPath(view string) string { return "/desk/views/" + url.PathEscape(view) }

// link is path with the parameters v.
func link(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// here is the address of a ticket with the list of r beside it.
func here(ref string, v url.Values) string {
	return link("/desk/tickets/"+url.PathEscape(ref), readQuery(v).values(true))
}
