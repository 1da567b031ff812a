-- The problems under way are few among very many incidents.
CREATE INDEX ticket_problem ON ticket (updated_at, id, queue_id) WHERE active AND kind = 'problem';
