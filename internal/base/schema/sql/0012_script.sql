-- Scripts of the first level: what one asks and checks while somebody is on the line.

-- owner: script
CREATE TABLE script (
	id         TEXT PRIMARY KEY,
	name_fr    TEXT    NOT NULL,
	name_en    TEXT    NOT NULL,
	lead_fr    TEXT    NOT NULL DEFAULT '', -- when it helps, in a line
	lead_en    TEXT    NOT NULL DEFAULT '',
	words      TEXT    NOT NULL DEFAULT '', -- by which it is found as well
	categories TEXT    NOT NULL DEFAULT '[]', -- JSON: ids
	draft      TEXT    NOT NULL DEFAULT '[]', -- JSON: the tree that its authors change
	revision   INTEGER NOT NULL DEFAULT 0,    -- in force; 0 = never published
	active     BOOLEAN NOT NULL DEFAULT TRUE, -- offered
	created_at BIGINT  NOT NULL,
	updated_at BIGINT  NOT NULL,
	version    BIGINT  NOT NULL DEFAULT 1
);

-- What was published, which never changes: who follows a script keeps the revision it began with.
-- owner: script
CREATE TABLE script_revision (
	script_id TEXT    NOT NULL REFERENCES script (id),
	number    INTEGER NOT NULL,
	tree      TEXT    NOT NULL, -- JSON
	by_id     TEXT    NOT NULL, -- person; '' = the machine
	at        BIGINT  NOT NULL,
	PRIMARY KEY (script_id, number)
){{clustered}};

-- One passage through a script.
-- owner: script
CREATE TABLE script_run (
	id         TEXT PRIMARY KEY,
	script_id  TEXT    NOT NULL REFERENCES script (id),
	revision   INTEGER NOT NULL,
	ref        TEXT    NOT NULL DEFAULT '', -- "ticket/…"; '' = while the caller is on the line, before there is one
	caller_id  TEXT    NOT NULL DEFAULT '', -- person, of such a call; '' = not known
	person_id  TEXT    NOT NULL,            -- who began it
	state      TEXT    NOT NULL CHECK (state IN ('running', 'resolved', 'request', 'escalated', 'dropped')),
	node       TEXT    NOT NULL,            -- where it stands
	answers    INTEGER NOT NULL DEFAULT 0,  -- given so far
	started_at BIGINT  NOT NULL,
	updated_at BIGINT  NOT NULL,
	ended_at   BIGINT  NOT NULL DEFAULT 0,
	version    BIGINT  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX script_run_one ON script_run (ref) WHERE state = 'running' AND ref <> '';
CREATE INDEX script_run_ref ON script_run (ref, started_at) WHERE ref <> '';
CREATE INDEX script_run_call ON script_run (person_id, started_at) WHERE state = 'running' AND ref = '';
CREATE INDEX script_run_script ON script_run (script_id, started_at);

-- owner: script
CREATE TABLE script_answer (
	run_id TEXT    NOT NULL REFERENCES script_run (id),
	seq    INTEGER NOT NULL, -- from 1
	node   TEXT    NOT NULL,
	value  TEXT    NOT NULL DEFAULT '',
	choice TEXT    NOT NULL DEFAULT '',
	by_id  TEXT    NOT NULL,
	at     BIGINT  NOT NULL,
	PRIMARY KEY (run_id, seq)
){{clustered}};
