-- owner: notify
CREATE TABLE inbox_item (
	id        TEXT PRIMARY KEY,
	person_id TEXT   NOT NULL REFERENCES person (id),
	kind      TEXT   NOT NULL, -- what happened, a key of the preferences
	ref       TEXT   NOT NULL, -- where it leads
	event_id  TEXT   NOT NULL,
	title     TEXT   NOT NULL, -- reference and subject, as they were
	actor     TEXT   NOT NULL, -- who did it
	excerpt   TEXT   NOT NULL DEFAULT '',
	at        BIGINT NOT NULL,
	read_at   BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX inbox_item_once ON inbox_item (person_id, event_id);
CREATE INDEX inbox_item_person ON inbox_item (person_id, id);
CREATE INDEX inbox_item_unread ON inbox_item (person_id, ref) WHERE read_at = 0;

-- owner: notify
CREATE TABLE notify_preference (
	person_id TEXT NOT NULL REFERENCES person (id),
	kind      TEXT NOT NULL,
	mail      TEXT NOT NULL CHECK (mail IN ('now', 'digest', 'never')),
	inbox     BOOLEAN NOT NULL,
	PRIMARY KEY (person_id, kind)
){{clustered}};

-- owner: notify
CREATE TABLE notify_rhythm (
	person_id   TEXT PRIMARY KEY REFERENCES person (id),
	quiet_from  INTEGER NOT NULL DEFAULT -1, -- minute of the day, -1 = no quiet hours
	quiet_until INTEGER NOT NULL DEFAULT -1,
	digest_at   INTEGER NOT NULL DEFAULT 480 -- minute of the day
);

-- owner: notify
CREATE TABLE digest_item (
	person_id TEXT   NOT NULL REFERENCES person (id),
	event_id  TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	ref       TEXT   NOT NULL,
	title     TEXT   NOT NULL,
	actor     TEXT   NOT NULL,
	excerpt   TEXT   NOT NULL DEFAULT '',
	at        BIGINT NOT NULL,
	PRIMARY KEY (person_id, event_id)
){{clustered}};

-- owner: channel
CREATE TABLE envelope (
	id         TEXT PRIMARY KEY,
	direction  TEXT   NOT NULL CHECK (direction IN ('in', 'out')),
	message_id TEXT   NOT NULL DEFAULT '', -- RFC 5322, without angle brackets
	hash       TEXT   NOT NULL DEFAULT '', -- blob hash of the raw message
	sender     TEXT   NOT NULL DEFAULT '', -- address
	recipient  TEXT   NOT NULL DEFAULT '', -- address
	subject    TEXT   NOT NULL DEFAULT '',
	state      TEXT   NOT NULL CHECK (state IN ('received', 'done', 'ignored', 'parked', 'quarantined', 'waiting', 'sent', 'failed')),
	reason     TEXT   NOT NULL DEFAULT '', -- of that state, for people who look
	ref        TEXT   NOT NULL DEFAULT '', -- "ticket/…" it belongs to
	message    TEXT   NOT NULL DEFAULT '', -- id of the ticket message it carries
	content    TEXT   NOT NULL DEFAULT '', -- JSON: what to send
	key        TEXT   NOT NULL DEFAULT '', -- delivery key: the same news to the same person once
	at         BIGINT NOT NULL,
	done_at    BIGINT NOT NULL DEFAULT 0,
	mailbox_id TEXT   NOT NULL DEFAULT '', -- by which it came or goes; '' = a pipe, or the installation's mail server
	exchange   TEXT   NOT NULL DEFAULT '', -- id of the exchange with a third party; '' = none
	suggest    TEXT   NOT NULL DEFAULT '', -- "ticket/…" that its ticket may belong to: a question for an agent; '' = none
	trail      TEXT   NOT NULL DEFAULT '', -- JSON: the decisions that were taken and why
	size       BIGINT NOT NULL DEFAULT 0,  -- bytes of the raw message
	began_at   BIGINT NOT NULL DEFAULT 0,  -- going out: it begins to leave, and no server's word came since; 0 = no doubt
	doubts     INTEGER NOT NULL DEFAULT 0  -- times that the server's word was lost
);
CREATE INDEX envelope_sender ON envelope (sender, at) WHERE direction = 'in';
CREATE INDEX envelope_suggest ON envelope (ref) WHERE suggest <> '';
CREATE UNIQUE INDEX envelope_key ON envelope (direction, key) WHERE key <> '';
CREATE INDEX envelope_message_id ON envelope (message_id);
CREATE INDEX envelope_at ON envelope (at, id);
CREATE INDEX envelope_trouble ON envelope (at) WHERE state IN ('parked', 'waiting', 'failed');
CREATE INDEX envelope_quarantine ON envelope (id) WHERE state = 'quarantined';
CREATE INDEX envelope_ref ON envelope (ref, at);
