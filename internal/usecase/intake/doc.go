// Package intake turns one message that came in into a ticket, a reply, or a refusal that is written down. It answers
// nobody itself: the events of the ticket do.
//
// Rules. The same message is taken once, whatever way it comes. What a machine wrote, what bounced and what goes in a
// circle is never answered. An answer finds its ticket by the message ids it cites, then by the reference in its
// subject; it joins the ticket only if its sender takes part in it, since anybody can write a subject and forward a
// mail: otherwise it becomes a ticket of its own, linked to the one it names. Everything that concerns the ticket
// happens in one transaction with the decision about the envelope.
package intake
