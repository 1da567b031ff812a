-- owner: ticket
CREATE TABLE queue (
	id          TEXT PRIMARY KEY,
	name        TEXT    NOT NULL,
	team_id     TEXT    NOT NULL REFERENCES team (id),
	level       INTEGER NOT NULL CHECK (level IN (1, 2, 3)), -- the team's
	private     BOOLEAN NOT NULL DEFAULT FALSE,              -- read by its team only
	position    INTEGER NOT NULL DEFAULT 0,
	active      BOOLEAN NOT NULL DEFAULT TRUE,
	created_at  BIGINT  NOT NULL,
	version     BIGINT  NOT NULL DEFAULT 1
);
CREATE INDEX queue_team ON queue (team_id);

-- owner: ticket
CREATE TABLE category (
	id         TEXT PRIMARY KEY,
	parent_id  TEXT REFERENCES category (id),
	name_fr    TEXT    NOT NULL,
	name_en    TEXT    NOT NULL,
	queue_id   TEXT REFERENCES queue (id), -- where its tickets start; NULL = the parent's
	position   INTEGER NOT NULL DEFAULT 0,
	active     BOOLEAN NOT NULL DEFAULT TRUE,
	created_at BIGINT  NOT NULL,
	version    BIGINT  NOT NULL DEFAULT 1
);

-- owner: ticket
CREATE TABLE priority_rule (
	impact   INTEGER NOT NULL CHECK (impact BETWEEN 1 AND 4),
	urgency  INTEGER NOT NULL CHECK (urgency BETWEEN 1 AND 4),
	priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),
	PRIMARY KEY (impact, urgency)
){{clustered}};

-- owner: form
CREATE TABLE field (
	id          TEXT PRIMARY KEY,
	key         TEXT    NOT NULL UNIQUE, -- in JSON and in the API
	label_fr    TEXT    NOT NULL,
	label_en    TEXT    NOT NULL,
	help_fr     TEXT    NOT NULL DEFAULT '',   -- one line above the answer
	help_en     TEXT    NOT NULL DEFAULT '',
	kind        TEXT    NOT NULL CHECK (kind IN ('text', 'long', 'number', 'date', 'choice', 'choices', 'boolean')),
	options     TEXT    NOT NULL DEFAULT '[]', -- JSON [{value, fr, en}]
	required    BOOLEAN NOT NULL DEFAULT FALSE,
	ticket_kind TEXT    NOT NULL DEFAULT '',   -- '' = every type
	category_id TEXT,                          -- NULL = every category; else it and those below it
	position    INTEGER NOT NULL DEFAULT 0,
	active      BOOLEAN NOT NULL DEFAULT TRUE,
	created_at  BIGINT  NOT NULL,
	version     BIGINT  NOT NULL DEFAULT 1
);

-- owner: ticket
CREATE TABLE ticket (
	id                TEXT PRIMARY KEY,
	series            TEXT    NOT NULL CHECK (series IN ('T', 'P')), -- incidents and requests share their numbers
	number            BIGINT  NOT NULL,
	kind              TEXT    NOT NULL CHECK (kind IN ('incident', 'request', 'problem')),
	subject           TEXT    NOT NULL,
	subject_fold      TEXT    NOT NULL, -- lower case without accents, for searching
	status            TEXT    NOT NULL CHECK (status IN ('new', 'open', 'pending', 'resolved', 'closed', 'cancelled')),
	active            BOOLEAN NOT NULL, -- status is new, open or pending
	pending_on        TEXT    NOT NULL DEFAULT '' CHECK (pending_on IN ('', 'requester', 'third_party', 'date')),
	pending_until     BIGINT  NOT NULL DEFAULT 0,
	impact            INTEGER NOT NULL CHECK (impact BETWEEN 1 AND 4),  -- 1 = highest
	urgency           INTEGER NOT NULL CHECK (urgency BETWEEN 1 AND 4), -- 1 = highest
	priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),
	category_id       TEXT REFERENCES category (id),
	queue_id          TEXT    NOT NULL REFERENCES queue (id),
	level             INTEGER NOT NULL,
	assignee_id       TEXT REFERENCES person (id),
	requester_id      TEXT    NOT NULL REFERENCES person (id),
	channel           TEXT    NOT NULL CHECK (channel IN ('portal', 'mail', 'chat', 'phone', 'api')),
	merged_into       TEXT REFERENCES ticket (id),
	external_id       TEXT    NOT NULL DEFAULT '',
	fields            TEXT    NOT NULL DEFAULT '{}', -- JSON
	cause             TEXT    NOT NULL DEFAULT '',
	reopened          INTEGER NOT NULL DEFAULT 0,
	messages          INTEGER NOT NULL DEFAULT 0,
	due_response_at   BIGINT  NOT NULL DEFAULT 0,
	due_resolution_at BIGINT  NOT NULL DEFAULT 0,
	responded_at      BIGINT  NOT NULL DEFAULT 0, -- first public message of an agent
	resolved_at       BIGINT  NOT NULL DEFAULT 0,
	closed_at         BIGINT  NOT NULL DEFAULT 0,
	created_at        BIGINT  NOT NULL,
	updated_at        BIGINT  NOT NULL,
	version           BIGINT  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX ticket_number ON ticket (series, number);
CREATE UNIQUE INDEX ticket_external ON ticket (external_id) WHERE external_id <> '';
CREATE INDEX ticket_queue ON ticket (queue_id, updated_at, id, assignee_id) WHERE active; -- the last columns of these three are filtered in the index alone
CREATE INDEX ticket_queue_priority ON ticket (queue_id, priority, updated_at, id) WHERE active;
CREATE INDEX ticket_free ON ticket (queue_id, updated_at, id) WHERE active AND assignee_id IS NULL;
CREATE INDEX ticket_assignee ON ticket (assignee_id, updated_at, id, queue_id, status) WHERE active;
CREATE INDEX ticket_active ON ticket (updated_at, id, queue_id) WHERE active;
CREATE INDEX ticket_requester ON ticket (requester_id, updated_at, id);
CREATE INDEX ticket_updated ON ticket (updated_at, id, subject_fold); -- the subject is searched in the index alone
CREATE INDEX ticket_resolved ON ticket (resolved_at, id) WHERE status = 'resolved';
CREATE INDEX ticket_resolver ON ticket (assignee_id, resolved_at) WHERE status = 'resolved';
CREATE INDEX ticket_pending ON ticket (pending_until) WHERE status = 'pending' AND pending_until > 0;
CREATE INDEX ticket_waiting ON ticket (assignee_id, updated_at, id, queue_id) WHERE status = 'pending';
CREATE INDEX ticket_category ON ticket (category_id, updated_at, id);
CREATE INDEX ticket_merged ON ticket (merged_into) WHERE merged_into IS NOT NULL;

-- owner: ticket
CREATE TABLE message (
	id         TEXT PRIMARY KEY,
	ticket_id  TEXT    NOT NULL REFERENCES ticket (id),
	author_id  TEXT REFERENCES person (id), -- NULL = the machine
	visibility TEXT    NOT NULL CHECK (visibility IN ('public', 'internal')),
	channel    TEXT    NOT NULL CHECK (channel IN ('portal', 'mail', 'chat', 'phone', 'api')),
	by_agent   BOOLEAN NOT NULL,            -- written on behalf of the desk
	body       TEXT    NOT NULL,            -- Markdown
	html       TEXT    NOT NULL DEFAULT '', -- sanitised, when the sender wrote HTML
	quoted     TEXT    NOT NULL DEFAULT '', -- what was cut off a mail: history, signature
	raw        TEXT    NOT NULL DEFAULT '', -- blob hash of the raw mail
	state      TEXT    NOT NULL DEFAULT 'sent' CHECK (state IN ('held', 'sent', 'undone')),
	held_until BIGINT  NOT NULL DEFAULT 0,
	moved_from TEXT REFERENCES ticket (id), -- before a merge or split
	created_at BIGINT  NOT NULL
);
CREATE INDEX message_ticket ON message (ticket_id, created_at, id);

-- owner: ticket
CREATE TABLE attachment (
	id           TEXT PRIMARY KEY,
	ticket_id    TEXT REFERENCES ticket (id),  -- NULL while only uploaded
	message_id   TEXT REFERENCES message (id), -- NULL while only uploaded
	uploader_id  TEXT REFERENCES person (id),  -- NULL = the machine
	hash         TEXT    NOT NULL,
	name         TEXT    NOT NULL,
	content_type TEXT    NOT NULL, -- sniffed, not believed
	size         BIGINT  NOT NULL,
	content_id   TEXT    NOT NULL DEFAULT '', -- of an inline image of a mail
	created_at   BIGINT  NOT NULL
);
CREATE INDEX attachment_ticket ON attachment (ticket_id, created_at);
CREATE INDEX attachment_message ON attachment (message_id);
CREATE INDEX attachment_waiting ON attachment (created_at) WHERE message_id IS NULL;

-- owner: ticket
CREATE TABLE ticket_tag (
	ticket_id TEXT NOT NULL REFERENCES ticket (id),
	tag       TEXT NOT NULL,
	PRIMARY KEY (ticket_id, tag)
){{clustered}};
CREATE INDEX ticket_tag_tag ON ticket_tag (tag, ticket_id);

-- owner: ticket
CREATE TABLE watcher (
	ticket_id TEXT   NOT NULL REFERENCES ticket (id),
	person_id TEXT   NOT NULL REFERENCES person (id),
	added_by  TEXT   NOT NULL, -- person id, '' = the machine
	at        BIGINT NOT NULL,
	PRIMARY KEY (ticket_id, person_id)
){{clustered}};
CREATE INDEX watcher_person ON watcher (person_id, ticket_id);

-- owner: ticket
CREATE TABLE mention (
	person_id  TEXT   NOT NULL REFERENCES person (id),
	ticket_id  TEXT   NOT NULL REFERENCES ticket (id),
	message_id TEXT   NOT NULL REFERENCES message (id),
	at         BIGINT NOT NULL,
	PRIMARY KEY (person_id, message_id)
){{clustered}};
CREATE INDEX mention_ticket ON mention (ticket_id);

-- owner: ticket
CREATE TABLE ticket_link (
	from_id    TEXT   NOT NULL REFERENCES ticket (id),
	to_id      TEXT   NOT NULL REFERENCES ticket (id),
	kind       TEXT   NOT NULL CHECK (kind IN ('parent', 'duplicate', 'related', 'caused_by')), -- from is … of to
	created_by TEXT   NOT NULL,
	at         BIGINT NOT NULL,
	PRIMARY KEY (from_id, to_id, kind)
){{clustered}};
CREATE INDEX ticket_link_to ON ticket_link (to_id);

-- owner: ticket
CREATE TABLE stay (
	id         TEXT PRIMARY KEY,
	ticket_id  TEXT    NOT NULL REFERENCES ticket (id),
	queue_id   TEXT    NOT NULL REFERENCES queue (id),
	level      INTEGER NOT NULL,
	entered_at BIGINT  NOT NULL,
	left_at    BIGINT  NOT NULL DEFAULT 0, -- 0 = still there
	spent      BIGINT  NOT NULL DEFAULT 0  -- milliseconds, known once left
);
CREATE INDEX stay_ticket ON stay (ticket_id, entered_at);

-- owner: ticket
CREATE TABLE escalation (
	id         TEXT PRIMARY KEY,
	ticket_id  TEXT    NOT NULL REFERENCES ticket (id),
	way        TEXT    NOT NULL CHECK (way IN ('up', 'across', 'back', 'lead')),
	from_queue TEXT    NOT NULL REFERENCES queue (id),
	to_queue   TEXT    NOT NULL REFERENCES queue (id),
	from_level INTEGER NOT NULL,
	to_level   INTEGER NOT NULL,
	to_person  TEXT REFERENCES person (id), -- the lead told, or the one it is handed to
	reason     TEXT    NOT NULL,
	tried      TEXT    NOT NULL DEFAULT '',
	known      TEXT    NOT NULL DEFAULT '',
	asked      TEXT    NOT NULL DEFAULT '',
	advice     TEXT    NOT NULL DEFAULT '', -- of a return
	by_id      TEXT REFERENCES person (id),
	at         BIGINT  NOT NULL
);
CREATE INDEX escalation_ticket ON escalation (ticket_id, at);

-- owner: ticket
CREATE TABLE rating (
	ticket_id TEXT PRIMARY KEY REFERENCES ticket (id),
	person_id TEXT   NOT NULL REFERENCES person (id),
	score     TEXT   NOT NULL CHECK (score IN ('good', 'neutral', 'bad')),
	comment   TEXT   NOT NULL DEFAULT '',
	at        BIGINT NOT NULL
);

-- owner: ticket
CREATE TABLE canned_reply (
	id         TEXT PRIMARY KEY,
	title      TEXT   NOT NULL,
	body       TEXT   NOT NULL, -- Markdown with {{variables}}
	lang       TEXT   NOT NULL CHECK (lang IN ('fr', 'en')),
	team_id    TEXT REFERENCES team (id), -- NULL = every agent
	owner_id   TEXT REFERENCES person (id), -- personal: theirs alone
	category_id TEXT REFERENCES category (id), -- what it is about; NULL = anything
	created_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1,
	CHECK (owner_id IS NULL OR team_id IS NULL)
);

-- owner: ticket
CREATE TABLE saved_view (
	id         TEXT PRIMARY KEY,
	name       TEXT    NOT NULL,
	owner_id   TEXT REFERENCES person (id), -- personal
	team_id    TEXT REFERENCES team (id),   -- or of a team
	filter     TEXT    NOT NULL,            -- JSON
	position   INTEGER NOT NULL DEFAULT 0,
	created_at BIGINT  NOT NULL,
	version    BIGINT  NOT NULL DEFAULT 1,
	CHECK (owner_id IS NULL OR team_id IS NULL)
);
CREATE INDEX saved_view_owner ON saved_view (owner_id);
CREATE INDEX saved_view_team ON saved_view (team_id);

-- owner: ticket
CREATE TABLE presence (
	ticket_id TEXT    NOT NULL REFERENCES ticket (id),
	person_id TEXT    NOT NULL REFERENCES person (id),
	writing   BOOLEAN NOT NULL,
	until     BIGINT  NOT NULL,
	PRIMARY KEY (ticket_id, person_id)
){{clustered}};

-- owner: draft
CREATE TABLE draft (
	person_id  TEXT   NOT NULL REFERENCES person (id),
	key        TEXT   NOT NULL, -- "ticket/<id>/public", "ticket/<id>/internal", "ticket/new"
	body       TEXT   NOT NULL, -- JSON of the form's fields
	version    BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (person_id, key)
){{clustered}};
