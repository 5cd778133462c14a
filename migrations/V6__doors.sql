-- The doors of the money verbs: what a repeated call made before, and a transfer's own story.

-- A call with an Idempotency-Key that makes a refund or a gift. Kept for good: a retry may come after any
-- outage, and persons' decisions are few.
CREATE TABLE request_keys (
  name TEXT PRIMARY KEY,             -- the id of the caller's API key, a slash, the Idempotency-Key
  digest TEXT NOT NULL,              -- SHA-256 of the call and its body: the same key for another request is refused
  made TEXT NOT NULL,                -- JSON: the ids of what it made
  created_at BIGINT NOT NULL
);

-- What happened to one transfer, without reading the audit of all that happened since it came.
CREATE INDEX audit_of_transfers ON audit (subject, id) WHERE action LIKE 'transfer.%';
