-- What the desk has to do next, soonest first, everywhere and by queue; the expression is that of ticket.nextDue.
-- "urgency > 0" always holds: only who says it gets these indexes, so that no list in another order takes them.
CREATE INDEX ticket_due ON ticket ((CASE
	WHEN responded_at = 0 AND due_response_at > 0 AND (due_resolution_at = 0 OR due_response_at < due_resolution_at) THEN due_response_at
	WHEN due_resolution_at > 0 THEN due_resolution_at
	ELSE 9000000000000000 END), id, queue_id) WHERE active AND urgency > 0;
CREATE INDEX ticket_queue_due ON ticket (queue_id, (CASE
	WHEN responded_at = 0 AND due_response_at > 0 AND (due_resolution_at = 0 OR due_response_at < due_resolution_at) THEN due_response_at
	WHEN due_resolution_at > 0 THEN due_resolution_at
	ELSE 9000000000000000 END), id) WHERE active AND urgency > 0;
