-- Money in full: several attempts to pay, refunds, disputes, what is owed to payers, listings of gateways.
-- SQLite cannot change a constraint, so tables that got a new one are written anew on both databases.

CREATE TABLE payments_anew (
  id TEXT PRIMARY KEY,               -- the idempotency key at the gateway: stored before the call
  order_id TEXT NOT NULL REFERENCES orders (id),
  gateway TEXT NOT NULL,
  attempt BIGINT NOT NULL,           -- a checkout that ended is not used again; the next one is another attempt
  amount BIGINT NOT NULL,            -- what was still owed when it was opened
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'closed', 'failed')),
  reference TEXT,                    -- the gateway's name of the checkout; NULL before its first answer, and where there is none
  url TEXT,                          -- where the buyer pays; NULL where there is no such place
  until BIGINT,                      -- the checkout ends then
  why TEXT,                          -- why it is closed or failed
  created_at BIGINT NOT NULL,
  UNIQUE (order_id, gateway, attempt)
);
INSERT INTO payments_anew (id, order_id, gateway, attempt, amount, currency, state, created_at)
  SELECT id, order_id, gateway, 1, amount, currency, state, created_at FROM payments;
DROP TABLE payments;
ALTER TABLE payments_anew RENAME TO payments;
CREATE UNIQUE INDEX payments_by_reference ON payments (gateway, reference) WHERE reference IS NOT NULL;

CREATE TABLE allocations_anew (
  id TEXT PRIMARY KEY,
  transfer_id TEXT NOT NULL REFERENCES transfers (id),
  order_id TEXT NOT NULL REFERENCES orders (id),
  amount BIGINT NOT NULL CHECK (amount > 0),
  created_at BIGINT NOT NULL,
  undone_at BIGINT                   -- a person took it back; the row stays, because it happened
);
INSERT INTO allocations_anew (id, transfer_id, order_id, amount, created_at)
  SELECT id, transfer_id, order_id, amount, created_at FROM allocations;
DROP TABLE allocations;
ALTER TABLE allocations_anew RENAME TO allocations;
CREATE UNIQUE INDEX allocations_once ON allocations (transfer_id, order_id) WHERE undone_at IS NULL;
CREATE INDEX allocations_by_order ON allocations (order_id);

--pg ALTER TABLE tasks DROP CONSTRAINT tasks_kind_check;
--pg ALTER TABLE tasks ADD CONSTRAINT tasks_kind_check CHECK (kind IN ('enrol', 'deliver', 'hand_over', 'withdraw', 'send_email', 'settle_event', 'checkout', 'refund', 'poll'));
--lite CREATE TABLE tasks_anew (
--lite   id TEXT PRIMARY KEY,
--lite   kind TEXT NOT NULL CHECK (kind IN ('enrol', 'deliver', 'hand_over', 'withdraw', 'send_email', 'settle_event',
--lite     'checkout', 'refund', 'poll')),
--lite   order_id TEXT,
--lite   subject TEXT NOT NULL,
--lite   connection TEXT,
--lite   idem_key TEXT NOT NULL UNIQUE,
--lite   state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'dead')),
--lite   run_at BIGINT NOT NULL,
--lite   attempts BIGINT NOT NULL DEFAULT 0,
--lite   rejections BIGINT NOT NULL DEFAULT 0,
--lite   lease TEXT,
--lite   lease_until BIGINT,
--lite   why TEXT,
--lite   created_at BIGINT NOT NULL,
--lite   finished_at BIGINT
--lite );
--lite INSERT INTO tasks_anew SELECT * FROM tasks;
--lite DROP TABLE tasks;
--lite ALTER TABLE tasks_anew RENAME TO tasks;
--lite CREATE INDEX tasks_ready ON tasks (run_at, id) WHERE state = 'ready';
--lite CREATE INDEX tasks_leased ON tasks (id) WHERE state = 'leased';
--lite CREATE INDEX tasks_by_subject ON tasks (subject);

ALTER TABLE orders ADD COLUMN kind TEXT NOT NULL DEFAULT 'sale' CHECK (kind IN ('sale', 'gift'));
ALTER TABLE orders ADD COLUMN refunded BIGINT NOT NULL DEFAULT 0;  -- sum of refunds and lost disputes, kept in the same transaction as they are
ALTER TABLE orders ADD COLUMN disputed BIGINT NOT NULL DEFAULT 0;  -- 1 while a dispute is open: access rests

ALTER TABLE grants ADD COLUMN barred BIGINT NOT NULL DEFAULT 0;    -- 1: a person took it back; money that returns does not bring it back
ALTER TABLE grants ADD COLUMN warned_at BIGINT;                    -- when the buyer was told that it ends soon

ALTER TABLE gateway_events ADD COLUMN road TEXT NOT NULL DEFAULT 'message'
  CHECK (road IN ('message', 'list', 'answer', 'hand'));           -- how it came here
ALTER TABLE gateway_events ADD COLUMN awaits TEXT;                 -- provider id of the transfer it is about, which is not in the books yet
CREATE INDEX gateway_events_awaiting ON gateway_events (gateway, awaits) WHERE awaits IS NOT NULL;

ALTER TABLE transfers ADD COLUMN surplus BIGINT NOT NULL DEFAULT 0;  -- what belongs to the payer again: no order needed it
ALTER TABLE transfers ADD COLUMN returned BIGINT NOT NULL DEFAULT 0; -- how much of the surplus was paid back
ALTER TABLE transfers ADD COLUMN weak_key TEXT;                    -- for transfers without a bank reference; see transfer_names
CREATE INDEX transfers_by_weak_key ON transfers (weak_key) WHERE weak_key IS NOT NULL;
CREATE INDEX transfers_by_booking ON transfers (account, booked_at);
CREATE INDEX transfers_by_arrival ON transfers (received_at);

-- Every name that a gateway has for a transfer: its messages and its lists may use different ids.
CREATE TABLE transfer_names (
  gateway TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  transfer_id TEXT NOT NULL REFERENCES transfers (id),
  road TEXT NOT NULL,                -- whose numbering it is of; twins without a reference are told apart by which road named which
  heard BIGINT NOT NULL,             -- 1: a message told of it; a transfer that none told of is an alarm
  PRIMARY KEY (gateway, provider_id)
);
INSERT INTO transfer_names (gateway, provider_id, transfer_id, road, heard)
  SELECT gateway, provider_id, id, '', 1 FROM transfers;
CREATE INDEX transfer_names_of ON transfer_names (transfer_id);

CREATE TABLE refunds (
  id TEXT PRIMARY KEY,               -- the idempotency key at the gateway: stored before the call
  purpose TEXT NOT NULL CHECK (purpose IN ('order', 'surplus')), -- a surplus touches no order
  order_id TEXT REFERENCES orders (id),
  line_id TEXT REFERENCES lines (id), -- NULL: for the order as a whole
  transfer_id TEXT REFERENCES transfers (id), -- which money goes back; NULL: paid from elsewhere
  gateway TEXT NOT NULL,             -- who carries it out; 'hand' is a person
  provider_id TEXT,                  -- the gateway's id; NULL before its answer
  amount BIGINT NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  ends_access BIGINT NOT NULL,       -- 1: the line's access ends with it, or the order's where it names no line
  state TEXT NOT NULL CHECK (state IN ('asked', 'sent', 'done', 'failed')),
  reference TEXT,                    -- the bank's reference, where a person sent it
  why TEXT NOT NULL,
  fault TEXT,                        -- why it failed
  created_at BIGINT NOT NULL,
  done_at BIGINT
);
CREATE UNIQUE INDEX refunds_by_name ON refunds (gateway, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX refunds_by_order ON refunds (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX refunds_by_transfer ON refunds (transfer_id) WHERE transfer_id IS NOT NULL;
CREATE INDEX refunds_open ON refunds (created_at) WHERE state IN ('asked', 'sent');

CREATE TABLE disputes (
  id TEXT PRIMARY KEY,
  gateway TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  transfer_id TEXT NOT NULL REFERENCES transfers (id),
  order_id TEXT REFERENCES orders (id), -- NULL: the transfer paid no order
  amount BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('inquiry', 'open', 'won', 'lost')),
  why TEXT,                          -- the payer's reason, in the gateway's word
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  UNIQUE (gateway, provider_id)
);
CREATE INDEX disputes_by_order ON disputes (order_id) WHERE order_id IS NOT NULL;

-- How far each list of each gateway has been read.
CREATE TABLE polls (
  subject TEXT PRIMARY KEY,          -- GATEWAY/LISTING
  cursor TEXT,                       -- where the next page of this round begins
  round_from BIGINT,                 -- what this round covers; NULL between rounds
  round_to BIGINT,
  covered_to BIGINT,                 -- everything before was in a complete round
  items BIGINT NOT NULL DEFAULT 0,   -- seen in all rounds
  news BIGINT NOT NULL DEFAULT 0,    -- of them not known before
  finished_at BIGINT,                -- when a round was last complete
  failures BIGINT NOT NULL DEFAULT 0, -- in a row; the pause before the next try grows with them
  why TEXT                           -- why the last try failed; NULL after one that worked
);

ALTER TABLE connections ADD COLUMN quiet_until BIGINT; -- until then no other call begins: its pace, on all nodes together

-- What a person should know until it is over. One row per matter: it is said once.
CREATE TABLE alerts (
  kind TEXT NOT NULL,                -- 'webhook_silent', 'refund_failed', 'dispute', …
  subject TEXT NOT NULL,             -- the gateway, order or refund it is about
  why TEXT NOT NULL,
  times BIGINT NOT NULL,             -- how often it happened
  raised_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  cleared_at BIGINT,
  PRIMARY KEY (kind, subject)
);
