-- Addresses at which people write, and what mail servers taught us about addresses.

-- owner: channel
CREATE TABLE mailbox (
	id         TEXT PRIMARY KEY,
	name       TEXT    NOT NULL,
	address    TEXT    NOT NULL UNIQUE,     -- lower case
	aliases    TEXT    NOT NULL DEFAULT '', -- JSON: other addresses that lead here, lower case
	queue_id   TEXT    NOT NULL DEFAULT '', -- of new tickets; '' = by the usual routing
	lang       TEXT    NOT NULL DEFAULT '', -- of what strangers are sent; '' = the organisation's
	active     BOOLEAN NOT NULL,
	standard   BOOLEAN NOT NULL,            -- sends what no other mailbox is meant to send
	inbound    TEXT    NOT NULL DEFAULT '', -- JSON
	outbound   TEXT    NOT NULL DEFAULT '', -- JSON
	look       TEXT    NOT NULL DEFAULT '', -- JSON: sender name, signatures
	secret     TEXT    NOT NULL DEFAULT '', -- sealed JSON; '' = none
	created_at BIGINT  NOT NULL,
	updated_at BIGINT  NOT NULL,
	version    BIGINT  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX mailbox_standard ON mailbox (standard) WHERE standard;

-- How far fetching got; apart, since it changes all the time.
-- owner: channel
CREATE TABLE mailbox_fetch (
	mailbox_id  TEXT PRIMARY KEY REFERENCES mailbox (id) ON DELETE CASCADE,
	holder      TEXT   NOT NULL DEFAULT '', -- the process that fetches
	held_until  BIGINT NOT NULL DEFAULT 0,
	position    TEXT   NOT NULL DEFAULT '', -- JSON: UIDVALIDITY and UID, delta link
	fetched     BIGINT NOT NULL DEFAULT 0,  -- messages, ever
	checked_at  BIGINT NOT NULL DEFAULT 0,  -- last success
	error       TEXT   NOT NULL DEFAULT '',
	error_at    BIGINT NOT NULL DEFAULT 0
);

-- What is known of an address that we sent to.
-- owner: channel
CREATE TABLE mail_address (
	address    TEXT PRIMARY KEY,            -- lower case
	dead_at    BIGINT NOT NULL DEFAULT 0,   -- a hard bounce; 0 = it works as far as we know
	status     TEXT   NOT NULL DEFAULT '',  -- of the last bounce, "5.1.1"
	words      TEXT   NOT NULL DEFAULT '',  -- of the server that refused
	soft       BIGINT NOT NULL DEFAULT 0,   -- passing refusals since the last success
	updated_at BIGINT NOT NULL
);

-- Whose mail goes to quarantine.
-- owner: channel
CREATE TABLE mail_block (
	pattern  TEXT PRIMARY KEY,           -- "ann@example.org" or "example.org" with its subdomains, lower case
	reason   TEXT   NOT NULL DEFAULT '',
	actor_id TEXT   NOT NULL,
	at       BIGINT NOT NULL
);

-- A conversation with a third party about a record, which its requester never reads.
-- owner: channel
CREATE TABLE exchange (
	id         TEXT PRIMARY KEY,
	ref        TEXT   NOT NULL, -- "ticket/…"
	address    TEXT   NOT NULL, -- of the third party, lower case
	name       TEXT   NOT NULL DEFAULT '',
	actor_id   TEXT   NOT NULL, -- who began it
	created_at BIGINT NOT NULL,
	UNIQUE (ref, address)
);

-- What signs the reply addresses in mails.
-- owner: channel
CREATE TABLE mail_key (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

-- Message ids that mails which came in cite, also of mails that we never saw: an answer to one of them belongs together.
-- owner: channel
CREATE TABLE envelope_cite (
	message_id TEXT   NOT NULL,
	ref        TEXT   NOT NULL, -- "ticket/…"
	at         BIGINT NOT NULL,
	PRIMARY KEY (message_id, ref)
){{clustered}};
