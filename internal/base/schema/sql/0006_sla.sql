-- Working hours, what is promised in them, and the clocks that run.

-- owner: calendar
CREATE TABLE calendar (
	id         TEXT PRIMARY KEY,
	name       TEXT   NOT NULL UNIQUE,
	spec       TEXT   NOT NULL, -- JSON: zone, hours, holidays
	updated_at BIGINT NOT NULL,
	version    BIGINT NOT NULL DEFAULT 1
);

-- owner: sla
CREATE TABLE sla_policy (
	id          TEXT PRIMARY KEY,
	name        TEXT    NOT NULL,
	position    INTEGER NOT NULL, -- the first policy that fits counts
	active      BOOLEAN NOT NULL,
	calendar_id TEXT    NOT NULL REFERENCES calendar (id),
	fits        TEXT    NOT NULL, -- JSON: which tickets
	targets     TEXT    NOT NULL, -- JSON: minutes by priority
	waits       TEXT    NOT NULL, -- JSON: pending reasons during which clocks stand still
	warn        INTEGER NOT NULL, -- percent of the time at which the desk is warned; 0 = never
	updated_at  BIGINT  NOT NULL,
	version     BIGINT  NOT NULL DEFAULT 1
);
CREATE INDEX sla_policy_calendar ON sla_policy (calendar_id);

-- One promise about one record, as it stands.
-- owner: sla
CREATE TABLE sla_clock (
	ref         TEXT    NOT NULL, -- "ticket/…"
	metric      TEXT    NOT NULL CHECK (metric IN ('first', 'next', 'resolution')),
	policy_id   TEXT    NOT NULL REFERENCES sla_policy (id),
	minutes     INTEGER NOT NULL, -- promised
	started_at  BIGINT  NOT NULL,
	pauses      TEXT    NOT NULL DEFAULT '', -- JSON: [[from, to], …], milliseconds; a last to of 0 is still going on
	due_at      BIGINT  NOT NULL DEFAULT 0,  -- 0 = it stands still
	met_at      BIGINT  NOT NULL DEFAULT 0,
	warned_at   BIGINT  NOT NULL DEFAULT 0,
	breached_at BIGINT  NOT NULL DEFAULT 0,
	alarm_at    BIGINT  NOT NULL DEFAULT 0,  -- the next moment at which somebody is told; 0 = none
	PRIMARY KEY (ref, metric)
){{clustered}};
CREATE INDEX sla_clock_alarm ON sla_clock (alarm_at) WHERE alarm_at > 0;
CREATE INDEX sla_clock_policy ON sla_clock (policy_id) WHERE met_at = 0;

-- What became of a message that went out, wherever a merge moved it.
CREATE INDEX envelope_message ON envelope (message) WHERE message <> '' AND direction = 'out';
