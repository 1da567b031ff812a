package desk

import "entraide/internal/door/web/ui"

// Faces are everybody whom the page shows, to give them their pictures.
func (t *Ticket) Faces() []*ui.Person {
	all := append(Faces(t.Present), &t.Assignee, &t.Side.Requester)
	for i := range t.Items {
		all = append(all, &t.Items[i].Msg.Author)
	}
	for i := range t.Side.Watchers {
		all = append(all, &t.Side.Watchers[i])
	}
	return all
}

// Faces are those who have a ticket open.
func Faces(present []Presence) []*ui.Person {
	var all []*ui.Person
	for i := range present {
		all = append(all, &present[i].Person)
	}
	return all
}
