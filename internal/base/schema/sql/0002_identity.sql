-- owner: identity
CREATE TABLE person (
	id          TEXT PRIMARY KEY,
	email       TEXT    NOT NULL DEFAULT '', -- as written; '' = none
	email_key   TEXT    NOT NULL DEFAULT '', -- lower case, unique unless ''
	login       TEXT    NOT NULL DEFAULT '', -- lower case, unique unless ''
	external_id TEXT    NOT NULL DEFAULT '', -- of the source it was imported from, unique unless ''
	name        TEXT    NOT NULL,
	given_name  TEXT    NOT NULL DEFAULT '',
	name_fold   TEXT    NOT NULL,            -- lower case without accents, for searching
	lang        TEXT    NOT NULL DEFAULT '', -- '' = as the browser says
	zone        TEXT    NOT NULL DEFAULT '', -- '' = the organisation's
	title       TEXT    NOT NULL DEFAULT '',
	department  TEXT    NOT NULL DEFAULT '',
	site        TEXT    NOT NULL DEFAULT '',
	phone       TEXT    NOT NULL DEFAULT '',
	mobile      TEXT    NOT NULL DEFAULT '',
	manager_id  TEXT REFERENCES person (id),
	avatar      TEXT    NOT NULL DEFAULT '', -- blob hash
	theme       TEXT    NOT NULL DEFAULT '', -- '' = as the system says
	vip         BOOLEAN NOT NULL DEFAULT FALSE,
	active      BOOLEAN NOT NULL DEFAULT TRUE,
	external    BOOLEAN NOT NULL DEFAULT FALSE, -- a participant known by mail only
	password    TEXT    NOT NULL DEFAULT '',    -- argon2id, '' = cannot sign in with one
	out_from    BIGINT  NOT NULL DEFAULT 0,
	out_until   BIGINT  NOT NULL DEFAULT 0,     -- 0 = not out of office
	out_note    TEXT    NOT NULL DEFAULT '',
	deputy_id   TEXT REFERENCES person (id),
	created_at  BIGINT  NOT NULL,
	updated_at  BIGINT  NOT NULL,
	version     BIGINT  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX person_email ON person (email_key) WHERE email_key <> '';
CREATE UNIQUE INDEX person_login ON person (login) WHERE login <> '';
CREATE UNIQUE INDEX person_external ON person (external_id) WHERE external_id <> '';
CREATE INDEX person_name ON person (name_fold, id);
CREATE INDEX person_manager ON person (manager_id);

-- owner: identity
CREATE TABLE person_role (
	person_id TEXT NOT NULL REFERENCES person (id),
	role      TEXT NOT NULL CHECK (role IN ('agent', 'lead', 'knowledge', 'maker', 'admin')),
	PRIMARY KEY (person_id, role)
){{clustered}};

-- owner: identity
CREATE TABLE team (
	id          TEXT PRIMARY KEY,
	name        TEXT    NOT NULL,
	level       INTEGER NOT NULL CHECK (level IN (1, 2, 3)),
	description TEXT    NOT NULL DEFAULT '',
	active      BOOLEAN NOT NULL DEFAULT TRUE,
	created_at  BIGINT  NOT NULL,
	version     BIGINT  NOT NULL DEFAULT 1
);

-- owner: identity
CREATE TABLE team_member (
	person_id TEXT    NOT NULL REFERENCES person (id),
	team_id   TEXT    NOT NULL REFERENCES team (id),
	leads     BOOLEAN NOT NULL DEFAULT FALSE,
	PRIMARY KEY (person_id, team_id)
){{clustered}};
CREATE INDEX team_member_team ON team_member (team_id);

-- owner: identity
CREATE TABLE people_group (
	id         TEXT PRIMARY KEY,
	code       TEXT   NOT NULL UNIQUE,
	name       TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1
);

-- owner: identity
CREATE TABLE group_member (
	person_id TEXT NOT NULL REFERENCES person (id),
	group_id  TEXT NOT NULL REFERENCES people_group (id),
	PRIMARY KEY (person_id, group_id)
){{clustered}};
CREATE INDEX group_member_group ON group_member (group_id);

-- owner: identity
CREATE TABLE session (
	id         TEXT PRIMARY KEY,
	token_hash TEXT   NOT NULL UNIQUE,
	person_id  TEXT   NOT NULL REFERENCES person (id),
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	user_agent TEXT   NOT NULL DEFAULT '',
	address    TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX session_person ON session (person_id);

-- owner: identity
CREATE TABLE api_token (
	id         TEXT PRIMARY KEY,
	token_hash TEXT   NOT NULL UNIQUE,
	person_id  TEXT   NOT NULL REFERENCES person (id),
	name       TEXT   NOT NULL,
	scopes     TEXT   NOT NULL, -- JSON list
	created_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL DEFAULT 0,
	expires_at BIGINT NOT NULL DEFAULT 0 -- 0 = never
);
CREATE INDEX api_token_person ON api_token (person_id);

-- owner: identity
CREATE TABLE one_time_link (
	token_hash TEXT PRIMARY KEY,
	purpose    TEXT   NOT NULL CHECK (purpose IN ('bootstrap', 'invitation', 'reset')),
	person_id  TEXT REFERENCES person (id), -- NULL for bootstrap
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX one_time_link_person ON one_time_link (person_id);

-- owner: identity
CREATE TABLE sign_in_failure (
	key           TEXT PRIMARY KEY, -- "mail:…" or "address:…"
	failures      INTEGER NOT NULL,
	first_at      BIGINT  NOT NULL,
	blocked_until BIGINT  NOT NULL DEFAULT 0
);
