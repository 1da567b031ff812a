// Package ticket is the desk's room: incidents, requests and problems from the first message to the closure, their
// queues on three levels, and everything said and done on the way.
//
// Who sees a ticket: its requester and watchers, agents unless its queue is private, the team of a private queue,
// administrators. Internal content is for agents who see the ticket as agents. Who acts: the team of its queue and
// administrators; the requester on what is theirs (reply, cancel, reopen, rate).
package ticket
