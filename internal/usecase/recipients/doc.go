// Package recipients decides who is told what about a ticket, and how: the reader "notify" of the event log.
//
// Rules. Nobody is told of what they did themselves, but for the requester's acknowledgement. Nobody is told of what
// they may not see: notes and reasons stay inside the desk. What happened in one go is one piece of news for one
// person, and one mail: a reply that resolves is a resolution with the reply in it. Each person's choices, quiet hours
// and time zone then say whether it goes to the inbox, by mail, or into the daily digest.
//
// People away: when a ticket is given to somebody who is out of office, their deputy finds it in the inbox, without
// mail. Nothing else goes to deputies: the team sees its queue anyway, and two people answering is worse than one late.
package recipients

import "entraide/internal/domain/channel"

// Reader is the name of the reader in the table "event kind → who reacts".
const Reader = "notify"

// Kinds lists the event kinds that Reader reacts to.
func Kinds() []string {
	return []string{"ticket.created", "ticket.replied", "ticket.noted", "ticket.mentioned", "ticket.assigned", "ticket.pending",
		"ticket.escalated", "ticket.returned", "ticket.resolved", "ticket.reopened", "ticket.cancelled", "ticket.merged",
		"ticket.watched", "ticket.rated", "sla.warned", "sla.breached", channel.MailHeld, channel.MailParked}
}
