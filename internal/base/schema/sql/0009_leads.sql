-- When the leads of the team are told as well: '' = never, 'late' = when a promise is broken, 'soon' = with the warning too.
ALTER TABLE sla_policy ADD COLUMN leads TEXT NOT NULL DEFAULT '';
