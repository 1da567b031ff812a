package ui

import (
	"context"
	"strconv"

	"entraide/internal/base/i18n"
)

// g is a text of the gallery.
func g(ctx context.Context, key string) string { return i18n.T(ctx, "gallery."+key) }

// galleryPeople are four invented people of an invented company.
func galleryPeople() (camille, yanis, sophie, aicha Person) {
	return Person{ID: "camille-7", Name: "Camille Renaud", Href: "#people"}, Person{ID: "yanis-2", Name: "Yanis Belkacem", Href: "#people"},
		Person{ID: "sophie", Name: "Sophie Lemaire", Href: "#people"}, Person{ID: "aicha-1", Name: "Aïcha Benali", Href: "#people"}
}

// kinds are all statuses, in the order of a ticket's life.
func kinds() []Kind {
	return []Kind{New, Open, Pending, Resolved, Closed, Cancelled, Late, Up, Slow, Down}
}

// sections are the anchors of the gallery, in order.
func sections() []string {
	return []string{"colours", "type", "buttons", "fields", "status", "messages", "lists", "navigation", "dialogs", "empty", "people", "home", "themes", "brand"}
}

func galleryThread(ctx context.Context) []Step {
	return []Step{
		{Done, g(ctx, "step.received"), "9 h 44"}, {Done, g(ctx, "step.level1"), "Yanis"},
		{Now, g(ctx, "step.level2"), "Sophie"}, {Next, g(ctx, "step.resolved"), g(ctx, "before")},
	}
}

func galleryViews(ctx context.Context) []View {
	return []View{
		{Label: g(ctx, "view.mine"), Icon: "user", Count: "14", Href: "#lists", Current: true},
		{Label: g(ctx, "view.free"), Icon: "inbox", Count: "6", Href: "#lists"},
		{Label: g(ctx, "view.late"), Icon: "alarm-clock", Count: "3", Href: "#lists", Hot: true},
		{Label: g(ctx, "view.waiting"), Icon: "circle-pause", Count: "9", Href: "#lists"},
	}
}

func galleryRows(ctx context.Context) []Row {
	rows := []Row{
		{Ref: "INC-1042", Subject: g(ctx, "subject.vpn"), Who: "Camille Renaud · Nantes", When: g(ctx, "left.1"), Kind: Open, Current: true},
		{Ref: "INC-1051", Subject: g(ctx, "subject.sound"), Who: "Paul Vasseur · Nantes", When: "18 min", Kind: Late, Status: g(ctx, "soon"), Priority: 1, Unread: true},
		{Ref: "INC-1049", Subject: g(ctx, "subject.barcode"), Who: "Étienne Roux · Lille", When: "42 min", Kind: New, Unread: true, New: true},
		{Ref: "REQ-1038", Subject: g(ctx, "subject.screen"), Who: "Camille Renaud · Nantes", When: "3 h", Kind: Pending, Level: 2},
		{Ref: "INC-1040", Subject: g(ctx, "subject.phone"), Who: "Julie Perrin · Lyon", When: "4 h", Kind: Open, Priority: 1},
	}
	for k := range rows {
		rows[k].ID, rows[k].Href = "t"+strconv.Itoa(k), "#lists"
	}
	return rows
}

func galleryComposer(ctx context.Context, id string) Composer {
	return Composer{
		ID: id, Action: "#", Label: g(ctx, "reply.to"), To: g(ctx, "to"), Value: g(ctx, "reply.text"),
		Kind: "reply", Kinds: []Option{
			{Value: "reply", Label: g(ctx, "kind.reply"), Key: "r"}, {Value: "note", Label: g(ctx, "kind.note"), Key: "n"},
			{Value: "call", Label: g(ctx, "kind.call")},
		},
		UploadURL: "#", SuggestURL: "#", MenuID: id + "-send",
	}
}

// galleryDeskShell adds the desk's rail to s.
func galleryDeskShell(ctx context.Context, s Shell) Shell {
	_, yanis, _, _ := galleryPeople()
	s.Active, s.Person = "tickets", yanis
	s.Nav = []NavItem{
		{Key: "tickets", Label: g(ctx, "nav.tickets"), Icon: "inbox", Href: "#"},
		{Key: "chat", Label: g(ctx, "nav.chat"), Icon: "messages-square", Href: "#", Count: 2},
		{Key: "call", Label: g(ctx, "nav.calls"), Icon: "phone-call", Href: "#"},
		{Key: "problem", Label: g(ctx, "nav.problems"), Icon: "shield-alert", Href: "#"},
		{Key: "board", Label: g(ctx, "nav.boards"), Icon: "layout-dashboard", Href: "#"},
		{Key: "kb", Label: g(ctx, "nav.articles"), Icon: "book-open", Href: "#"},
		{Key: "report", Label: g(ctx, "nav.reports"), Icon: "chart-column", Href: "#"},
		{Key: "settings", Label: g(ctx, "nav.settings"), Icon: "settings", Href: SettingsPath, Apart: true},
	}
	s.Tabs = s.Nav[:5]
	return s
}

// galleryTicked gives r a checkbox and an id of its own, since the same rows are shown elsewhere.
func galleryTicked(r Row, k int) Row {
	r.Select, r.Current = true, k == 0
	return r
}
