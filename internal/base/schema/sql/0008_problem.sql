-- What is known of a problem, which is a ticket of that type.
-- owner: problem
CREATE TABLE problem (
	ref        TEXT   PRIMARY KEY, -- "ticket/…"
	state      TEXT   NOT NULL CHECK (state IN ('unknown', 'suspected', 'known')),
	cause      TEXT   NOT NULL DEFAULT '', -- Markdown
	workaround TEXT   NOT NULL DEFAULT '', -- Markdown
	fix        TEXT   NOT NULL DEFAULT '', -- Markdown: what ends it for good
	updated_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1
){{clustered}};

-- Which incident had its part of a cascade: a message to everybody, or the end of the problem.
-- owner: problem
CREATE TABLE problem_step (
	cascade TEXT   NOT NULL, -- id of the cascade
	ref     TEXT   NOT NULL, -- of the incident
	at      BIGINT NOT NULL,
	PRIMARY KEY (cascade, ref)
){{clustered}};
