package ui

// Crumb is one step of the way to a page; the last one has no Href.
type Crumb struct{ Label, Href string }

// Tab is one view of a thing, or one filter.
type Tab struct {
	Label   string
	Href    string
	Count   string // already formatted; empty: none
	Current bool
}

// Col is a column of a Table.
type Col struct {
	Label  string
	Right  bool   // numbers
	Hidden bool   // the label is for screen readers only
	Sort   string // "ascending" or "descending" if the rows are sorted by it
	Href   string // sorts by it; empty: cannot
}

// Pager leads to the neighbouring pages of a list that is read by key, so it knows no page numbers.
type Pager struct {
	Prev, Next string // URLs; empty: none
	Info       string // "1 à 50 sur 1 248"
}

// KV is one fact: its name and, in Text or Body, its value.
type KV struct {
	Name string
	Text string
	Href string // links Text
}

// Row is one ticket in the queue of the desk.
type Row struct {
	ID       string // value of its checkbox
	Ref      string
	Subject  string
	Who      string // requester and site
	When     string // time left or last change
	Kind     Kind
	Status   string // words; empty: those of the catalogue
	Priority int    // 1 to 5; zero: not shown
	Level    int    // zero: not shown
	Href     string
	Current  bool
	Unread   bool
	Select   bool   // has a checkbox
	Person   Person // shows its avatar if it has an ID
	New      bool   // just arrived: outlined for a moment
}

// View is one line of the desk's views.
type View struct {
	Label   string
	Icon    string
	Href    string
	Count   string
	Current bool
	Hot     bool // the count is worrying
}

// Request is one of the requests of a person, on the portal.
type Request struct {
	Ref     string
	Subject string
	Href    string
	Kind    Kind
	Status  string // words; empty: those of the catalogue
	At      int    // index of the current step
	Steps   int    // how many steps; zero: no thread
	Step    string // the current step in words
	Next    string // what is next, when
}
