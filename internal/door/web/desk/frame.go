package desk

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/identity"
	"entraide/internal/domain/ticket"
	page "entraide/internal/door/web/page/desk"
	"entraide/internal/door/web/ui"
)

// maxTopics is how many queues a page listens to; beyond, its lists are fresh when they are opened.
const maxTopics = 30

// maxViews bounds the views that are counted, so that one query stays one query.
const maxViews = 120

// frame is what every page of the desk shows around its content, and what it was read from.
type frame struct {
	page.Frame
	topics []string
	tree   ticket.Tree
	view   ticket.View
	filter ticket.Filter
	busy   map[string]int // active tickets of the queues that the reader sees
}

// icons of the built-in views.
func viewIcon(id string) string {
	switch id {
	case "mine":
		return "user"
	case "unassigned":
		return "inbox"
	case "teams":
		return "users"
	case "late":
		return "alarm-clock"
	case "pending":
		return "circle-pause"
	case "mentioned":
		return "at-sign"
	case "watched":
		return "eye"
	case "problems":
		return "shield-alert"
	case "resolved":
		return "circle-check"
	default:
		return "layout-grid"
	}
}

func queueIcon(level int) string {
	switch level {
	case 1:
		return "headset"
	case 2:
		return "network"
	default:
		return "server"
	}
}

// named is a view with how it is shown.
type named struct {
	ticket.View
	group, icon string
}

// readViews returns all views of a, built-in ones first, and the topics that tell of their tickets.
func readViews(ctx context.Context, tx *db.Tx, a auth.Actor) (views []named, topics []string, err error) {
	l := i18n.From(ctx)
	for _, v := range ticket.BuiltIn() {
		v.Name = l.T("desk.view." + v.ID)
		views = append(views, named{v, "", viewIcon(v.ID)})
	}
	queues, err := ticket.Queues(ctx, tx, a)
	if err != nil {
		return nil, nil, err
	}
	for _, q := range queues {
		if !q.Active {
			continue
		}
		if len(topics) < maxTopics {
			topics = append(topics, "queue/"+q.ID)
		}
		views = append(views, named{ticket.OfQueue(q), "desk.views.queues", queueIcon(q.Level)})
	}
	saved, err := ticket.Views(ctx, tx, a)
	for _, v := range saved {
		if v.TeamID == "" {
			views = append(views, named{v, "desk.views.saved", "filter"})
		} else {
			views = append(views, named{v, "desk.views.team", "users-round"})
		}
	}
	return views[:min(len(views), maxViews)], topics, err
}

// readFrame reads the panes for q; current is the id of the open ticket, "" when there is none.
// Errors: errs.NotFound for a view that a may not use, errs.Invalid for a cursor of another list.
func readFrame(ctx context.Context, tx *db.Tx, a auth.Actor, q query, current string) (frame, error) {
	var f frame
	views, topics, err := readViews(ctx, tx, a)
	if err != nil {
		return f, err
	}
	f.topics = topics
	at := slices.IndexFunc(views, func(v named) bool { return v.ID == q.view })
	if at < 0 {
		return f, errs.NotFound
	}
	if f.tree, err = ticket.Categories(ctx, tx); err != nil {
		return f, err
	}
	f.view = views[at].View
	f.filter = q.filter(f.view.Filter, f.tree)
	filters := make([]ticket.Filter, len(views))
	for i, v := range views {
		filters[i] = v.Filter
	}
	counts, err := ticket.Counts(ctx, tx, a, append(filters, f.filter))
	if err != nil {
		return f, err
	}
	found, next, err := ticket.List(ctx, tx, a, f.filter, ticket.Page{Sort: f.sort(q), Cursor: q.cursor})
	if err != nil {
		return f, err
	}
	agents, _, err := identity.List(ctx, tx, a, identity.Filter{Role: auth.Agent, Limit: 200})
	if err != nil {
		return f, err
	}
	l := i18n.From(ctx)
	f.groups(l, views, counts, q)
	f.list(l, q, found, next, current, tx)
	f.Count = howMany(counts[len(counts)-1])
	f.narrow(l, q)
	for _, p := range agents {
		f.Agents = append(f.Agents, ui.Option{Value: p.ID, Label: p.Name})
	}
	return f, f.saving(ctx, tx, a)
}

func (f *frame) groups(l i18n.Loc, views []named, counts []int, q query) {
	f.busy = map[string]int{}
	for i, v := range views {
		if q := v.Filter.Queues; len(q) == 1 && v.ID == "queue-"+q[0] {
			f.busy[q[0]] = counts[i]
		}
		title := ""
		if v.group != "" {
			title = l.T(v.group)
		}
		if n := len(f.Groups); n == 0 || f.Groups[n-1].Title != title {
			f.Groups = append(f.Groups, page.Group{Title: title})
		}
		g := &f.Groups[len(f.Groups)-1]
		count := ""
		if counts[i] > 0 {
			count = howMany(counts[i])
		}
		g.Views = append(g.Views, ui.View{Label: v.Name, Icon: v.icon, Href: viewPath(v.ID), Count: count, Current: v.ID == q.view, Hot: v.ID == "late" && count != ""})
	}
	f.ViewsURL = link(viewPath(q.view), with(q.values(false), "part", "views"))
}

func (f *frame) list(l i18n.Loc, q query, found []ticket.Ticket, next, current string, tx *db.Tx) {
	f.Title, f.Base = f.view.Name, viewPath(q.view)
	rest := q.values(true)
	f.Query = rest.Encode()
	for _, t := range found {
		f.Rows = append(f.Rows, row(l, t, tx, rest, t.ID == current))
	}
	more := with(q.values(false), "part", "rows")
	if current != "" {
		more.Set("on", current)
	}
	f.ListURL = link(f.Base, more)
	if next != "" {
		f.Next = link(f.Base, with(q.values(false), "cursor", next))
	}
	if q.cursor != "" {
		v := q.values(false)
		v.Del("cursor")
		f.First = link(f.Base, v)
	}
	f.Topic = "queue/none"
	if len(f.filter.Queues) == 1 {
		f.Topic = "queue/" + f.filter.Queues[0]
	} else if len(f.topics) > 0 {
		f.Topic = f.topics[0]
	}
}

func with(v url.Values, name, value string) url.Values {
	v.Set(name, value)
	return v
}

// row is a ticket as lists show it.
func row(l i18n.Loc, t ticket.Ticket, tx *db.Tx, rest url.Values, current bool) ui.Row {
	kind, word := standing(l, t, tx.Now)
	who := t.Requester
	if t.Site != "" {
		who += " · " + t.Site
	}
	when := l.When(t.UpdatedAt, tx.Now)
	if due := t.NextDue(); t.Status.Active() && !due.IsZero() {
		when = l.Duration(due.Sub(tx.Now))
	}
	return ui.Row{ID: t.ID, Ref: t.Reference(), Subject: t.Subject, Who: who, When: when, Kind: kind, Status: word,
		Href: link("/desk/tickets/"+t.Reference(), rest), Current: current, Unread: t.Status == ticket.New, Select: true, Priority: t.Priority}
}

func (f *frame) narrow(l i18n.Loc, q query) {
	n := &f.Narrow
	n.Q, n.Status, n.Category, n.Sort, n.Active = q.q, q.status, q.category, q.sort, q.narrowed()
	any := ui.Option{Label: l.T("desk.any")}
	n.Statuses, n.Priorities, n.Categories = []ui.Option{any}, []ui.Option{any}, []ui.Option{any}
	for _, s := range ticket.Statuses() {
		n.Statuses = append(n.Statuses, ui.Option{Value: string(s), Label: l.T("ticket.status." + string(s))})
	}
	for p := 1; p <= 4; p++ {
		v := strconv.Itoa(p)
		n.Priorities = append(n.Priorities, ui.Option{Value: v, Label: ui.PriorityName(l, p)})
	}
	if q.priority != 0 {
		n.Priority = strconv.Itoa(q.priority)
	}
	n.Categories = append(n.Categories, categories(l, f.tree)...)
	chosen := string(f.sort(q))
	for _, s := range f.filter.Sorts() {
		v := q.values(false)
		v.Del("cursor")
		f.Sorts = append(f.Sorts, ui.Tab{Label: l.T("desk.sort." + string(s)), Href: link(viewPath(q.view), with(v, "sort", string(s))), Current: string(s) == chosen})
	}
}

// sort is the order of the list: the one chosen, if this list may have it, else that of the view.
func (f *frame) sort(q query) ticket.Sort {
	switch s := ticket.Sort(q.sort); {
	case s != "" && slices.Contains(f.filter.Sorts(), s):
		return s
	case f.filter.Due != "" && f.filter.Active:
		return ticket.ByDue
	}
	return ticket.ByUpdated
}

// categories are the active ones as options, with their path.
func categories(l i18n.Loc, tree ticket.Tree) []ui.Option {
	var out []ui.Option
	for _, c := range tree {
		if c.Active {
			out = append(out, ui.Option{Value: c.ID, Label: tree.Title(c.ID, string(l.Lang))})
		}
	}
	return out
}

// saving fills in for whom the list can be saved as a view, and how a saved one is forgotten.
func (f *frame) saving(ctx context.Context, tx *db.Tx, a auth.Actor) error {
	f.SaveURL = link("/desk/views", url.Values{"view": {f.view.ID}})
	saved := f.view.OwnerID != "" || f.view.TeamID != "" && len(f.view.ID) == 26
	if saved && f.view.MaySave(a) == nil {
		f.Drop = "/desk/views/" + f.view.ID + "/removal"
	}
	teams, err := identity.ListTeams(ctx, tx, a)
	for _, t := range teams {
		if a.Leads(t.ID) && t.Active {
			f.Teams = append(f.Teams, ui.Option{Value: t.ID, Label: t.Name})
		}
	}
	if len(f.Teams) > 0 {
		f.Teams = append([]ui.Option{{Label: i18n.T(ctx, "desk.view.for.me")}}, f.Teams...)
	}
	return err
}

// howMany writes a count as far as it was counted.
func howMany(n int) string {
	if n >= ticket.MaxCount {
		return strconv.Itoa(ticket.MaxCount-1) + "+"
	}
	return strconv.Itoa(n)
}
