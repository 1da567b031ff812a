-- owner: db
CREATE TABLE sequence (
	name  TEXT PRIMARY KEY,
	value BIGINT NOT NULL
){{clustered}};

-- owner: setting
CREATE TABLE setting (
	key        TEXT PRIMARY KEY,
	value      TEXT   NOT NULL, -- JSON
	updated_at BIGINT NOT NULL,
	updated_by TEXT   NOT NULL
){{clustered}};

-- owner: event
CREATE TABLE event (
	id       TEXT PRIMARY KEY,
	at       BIGINT  NOT NULL,
	kind     TEXT    NOT NULL,
	ref      TEXT    NOT NULL, -- "room/id" of what changed
	actor_id TEXT    NOT NULL, -- '' = the machine
	actor    TEXT    NOT NULL, -- name, or the machine's reason
	cause    TEXT    NOT NULL, -- the request, mail or run it follows from
	depth    INTEGER NOT NULL DEFAULT 0,
	internal BOOLEAN NOT NULL, -- not for the requester's eyes
	data     TEXT    NOT NULL  -- JSON, never queried
);
CREATE INDEX event_ref ON event (ref, id);

-- owner: event
CREATE TABLE event_todo (
	reader   TEXT    NOT NULL,
	event_id TEXT    NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	next_at  BIGINT  NOT NULL DEFAULT 0,
	error    TEXT    NOT NULL DEFAULT '',
	PRIMARY KEY (reader, event_id)
){{clustered}};

-- owner: job
CREATE TABLE job (
	id          TEXT PRIMARY KEY,
	kind        TEXT    NOT NULL,
	key         TEXT    NOT NULL DEFAULT '', -- unique per kind unless ''
	payload     TEXT    NOT NULL,            -- JSON
	state       TEXT    NOT NULL CHECK (state IN ('ready', 'running', 'waiting', 'dead')),
	run_at      BIGINT  NOT NULL,
	attempts    INTEGER NOT NULL DEFAULT 0,
	lease_until BIGINT  NOT NULL DEFAULT 0,
	owner       TEXT    NOT NULL DEFAULT '',
	error       TEXT    NOT NULL DEFAULT '',
	cause       TEXT    NOT NULL DEFAULT '',
	created_at  BIGINT  NOT NULL,
	updated_at  BIGINT  NOT NULL
);
CREATE UNIQUE INDEX job_key ON job (kind, key) WHERE key <> '';
CREATE INDEX job_ready ON job (run_at, id) WHERE state = 'ready';
CREATE INDEX job_running ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_trouble ON job (updated_at) WHERE state IN ('dead', 'waiting');

-- owner: once
CREATE TABLE idempotency (
	actor_id     TEXT    NOT NULL,
	key          TEXT    NOT NULL,
	request_hash TEXT    NOT NULL, -- of method, path and body: the same key for another request is refused
	status       INTEGER NOT NULL,
	header       TEXT    NOT NULL, -- JSON
	body         TEXT    NOT NULL,
	at           BIGINT  NOT NULL,
	PRIMARY KEY (actor_id, key)
){{clustered}};
CREATE INDEX idempotency_at ON idempotency (at);
