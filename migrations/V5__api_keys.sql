-- Keys of the seller's own programs, and a person's way to close a message that nobody understands.

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,         -- the audit names it, so no two keys ever have the same, revoked or not
  digest {bytes} NOT NULL UNIQUE,    -- SHA-256 of the secret; the secret itself is kept nowhere
  scopes TEXT NOT NULL,              -- what it may do: words with a blank between
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,               -- up to a minute behind: a key in use is not a write a call
  revoked_at BIGINT                  -- from then on it opens nothing; the row stays for the audit
);

-- The state stays 'stored': it never came into the books. Closed is beside it, and can be undone.
ALTER TABLE gateway_events ADD COLUMN closed_at BIGINT; -- NULL: it is still worked on
ALTER TABLE gateway_events ADD COLUMN closed_by TEXT;
ALTER TABLE gateway_events ADD COLUMN closed_why TEXT;
CREATE INDEX gateway_events_open ON gateway_events (id) WHERE state = 'stored' AND closed_at IS NULL;
