-- The spine: orders, money, grants, tasks, e-mails, audit. One text for both databases.
-- {bytes} is BLOB or BYTEA; a line that starts with "--pg " runs on PostgreSQL only.
-- Times are milliseconds since 1970 UTC; money is whole minor units; flags are 0 and 1.

CREATE TABLE customers (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,        -- lower-case: learning platforms treat Ada@x and ada@x as one person
  name TEXT NOT NULL,                -- as last given; may be empty
  phone TEXT,                        -- only for the seller's support
  created_at BIGINT NOT NULL
);

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,         -- what the buyer writes into the transfer; random, never reused
  secret TEXT NOT NULL UNIQUE,       -- path of the buyer's page; whoever has it may see the order
  customer_id TEXT NOT NULL REFERENCES customers (id),
  email TEXT NOT NULL,               -- frozen at ordering: where this order's mail goes
  name TEXT NOT NULL,
  locale TEXT NOT NULL,              -- language of pages and mail for this order
  currency TEXT NOT NULL,
  list_total BIGINT NOT NULL,        -- before the price rule
  total BIGINT NOT NULL CHECK (total >= 0),
  price_rule TEXT NOT NULL,          -- JSON: which rules gave the price; shown and printed
  received BIGINT NOT NULL DEFAULT 0, -- sum of the allocations, kept in the same transaction as they are
  payment_status TEXT NOT NULL
    CHECK (payment_status IN ('pending', 'paid', 'partially_refunded', 'refunded', 'cancelled', 'expired')),
  order_status TEXT NOT NULL         -- derived from the lines; stored because sellers filter by it
    CHECK (order_status IN ('pending', 'processing', 'completed', 'failed')),
  remaining BIGINT NOT NULL CHECK (remaining >= 0), -- lines not yet final; at zero the order is finished, once
  kept BIGINT NOT NULL DEFAULT 0,    -- lines that became final and were kept; none at the end is a failed order
  idempotency_key TEXT UNIQUE,       -- the shop front end's, so that its retry finds the same order
  request_digest TEXT,               -- of what came with the key: the same key with other content is refused
  version BIGINT NOT NULL DEFAULT 1, -- grows with every visible change; live pages compare it
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,        -- hides the QR; money that comes later still counts
  paid_at BIGINT,
  finished_at BIGINT
);
CREATE INDEX orders_unpaid ON orders (expires_at) WHERE payment_status = 'pending';
CREATE INDEX orders_by_customer ON orders (customer_id);

CREATE TABLE lines (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  position BIGINT NOT NULL,
  course TEXT NOT NULL,              -- slug; no foreign key: a line outlives its course
  title TEXT NOT NULL,               -- frozen, as the price is
  list_price BIGINT NOT NULL,
  price BIGINT NOT NULL,             -- this line's share of the total, for refunds by line
  access_days BIGINT,                -- from activation; NULL is for ever
  promises TEXT NOT NULL,            -- JSON: the benefits, frozen as the price is; grants are planned from it
  status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'enrolled', 'completed', 'failed')),
  open_grants BIGINT NOT NULL CHECK (open_grants >= 0), -- promises not yet final; counted, never queried: two that finish together must both be seen
  UNIQUE (order_id, position),
  UNIQUE (order_id, course)
);

CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  gateway TEXT NOT NULL,
  amount BIGINT NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'closed')),
  created_at BIGINT NOT NULL,
  UNIQUE (order_id, gateway)         -- one intention per gateway: a second click finds the first
);

CREATE TABLE gateway_events (
  id TEXT PRIMARY KEY,
  gateway TEXT NOT NULL,
  event_key TEXT NOT NULL,           -- the provider's id, or a digest of a body that cannot be read
  body {bytes} NOT NULL,             -- raw, before anything was understood
  note TEXT,                         -- what was odd about its proof of authenticity
  state TEXT NOT NULL CHECK (state IN ('stored', 'settled')),
  why TEXT,                          -- why it is not settled yet
  received_at BIGINT NOT NULL,
  settled_at BIGINT,
  UNIQUE (gateway, event_key)
);

CREATE TABLE transfers (
  id TEXT PRIMARY KEY,
  gateway TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  natural_key TEXT UNIQUE,           -- the same transfer under another provider id; NULL where the bank gave no reference
  event_id TEXT NOT NULL REFERENCES gateway_events (id),
  account TEXT NOT NULL,
  sub_account TEXT,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  reference TEXT NOT NULL,
  memo TEXT NOT NULL,                -- may name the payer: never logged
  booked_at BIGINT,
  received_at BIGINT NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('exact', 'short', 'over', 'late', 'duplicate', 'combined', 'split',
    'wrong_code', 'no_code', 'wrong_account', 'outgoing', 'after_refund')),
  order_id TEXT REFERENCES orders (id), -- the order it was matched with, also where nothing could be allocated
  closed_at BIGINT,                  -- NULL: it waits for a person
  closed_by TEXT,
  closed_why TEXT,
  UNIQUE (gateway, provider_id)
);
CREATE INDEX transfers_waiting ON transfers (received_at) WHERE closed_at IS NULL;
CREATE INDEX transfers_by_order ON transfers (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE allocations (
  id TEXT PRIMARY KEY,
  transfer_id TEXT NOT NULL REFERENCES transfers (id),
  order_id TEXT NOT NULL REFERENCES orders (id),
  amount BIGINT NOT NULL CHECK (amount > 0),
  created_at BIGINT NOT NULL,
  UNIQUE (transfer_id, order_id)
);

CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  line_id TEXT NOT NULL REFERENCES lines (id),
  position BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('enrolment', 'files', 'worker_files')),
  connection TEXT NOT NULL,          -- name of the LMS connection or of the file source
  target TEXT NOT NULL,              -- the course there, or the folder
  learner TEXT NOT NULL,             -- the order's address; access outside is per (connection, target, learner)
  state TEXT NOT NULL CHECK (state IN ('waiting', 'working', 'verifying', 'active', 'action_needed',
    'gave_up', 'revoking', 'revoked', 'expired')),
  who TEXT CHECK (who IN ('buyer', 'seller', 'connection')), -- who must act, while action_needed
  why TEXT,                          -- why it is not active; for the seller
  attempts BIGINT NOT NULL DEFAULT 0, -- shown to the buyer as "attempt k"
  next_at BIGINT,                    -- when the next attempt is due
  receipt TEXT,                      -- JSON: remote ids and the evidence of the read-back
  access_days BIGINT,                -- the line's, at hand when it is activated
  planned_at BIGINT NOT NULL,
  give_up_at BIGINT NOT NULL,        -- after this an unkept grant fails its line
  activated_at BIGINT,
  expires_at BIGINT,                 -- computed once, at activation
  ended_at BIGINT,
  counted BIGINT NOT NULL DEFAULT 0, -- 1 once the line counted it as final; kept late, it is not counted again
  UNIQUE (line_id, position)         -- planned twice is planned once
);
CREATE INDEX grants_by_order ON grants (order_id);
CREATE INDEX grants_by_reason ON grants (connection, target, learner);
-- One writer per learner and course on any number of nodes: platforms make duplicates of parallel writes.
CREATE UNIQUE INDEX grants_one_writer ON grants (connection, target, learner)
  WHERE kind = 'enrolment' AND state IN ('working', 'verifying');
CREATE INDEX grants_open ON grants (give_up_at) WHERE state IN ('waiting', 'working', 'verifying', 'action_needed');
CREATE INDEX grants_expiring ON grants (expires_at) WHERE state = 'active' AND expires_at IS NOT NULL;

CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('enrol', 'deliver', 'hand_over', 'withdraw', 'send_email', 'settle_event')),
  order_id TEXT,                     -- whose page changes with it
  subject TEXT NOT NULL,             -- the grant, e-mail or event it works on
  connection TEXT,                   -- limits, pace and breaker are per connection
  idem_key TEXT NOT NULL UNIQUE,     -- the same intention twice is one task
  state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'dead')),
  run_at BIGINT NOT NULL,            -- never moved into the past: the claim carries a watermark
  attempts BIGINT NOT NULL DEFAULT 0, -- times leased
  rejections BIGINT NOT NULL DEFAULT 0, -- permanent failures; only these use up the budget
  lease TEXT,                        -- random per attempt: a frozen worker's late write finds another
  lease_until BIGINT,
  why TEXT,
  created_at BIGINT NOT NULL,
  finished_at BIGINT
);
CREATE INDEX tasks_ready ON tasks (run_at, id) WHERE state = 'ready';
CREATE INDEX tasks_leased ON tasks (id) WHERE state = 'leased'; -- lease_until stays out: a heartbeat touches no index
CREATE INDEX tasks_by_subject ON tasks (subject);
--pg ALTER TABLE tasks SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, fillfactor = 70);

CREATE TABLE emails (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (id),
  kind TEXT NOT NULL,                -- receipt, completed, late:LINE
  recipient TEXT NOT NULL,
  locale TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'unknown', 'bounced')),
  why TEXT,
  created_at BIGINT NOT NULL,
  sent_at BIGINT,
  UNIQUE (order_id, kind)            -- two "done" mails cannot exist
);

CREATE TABLE connections (
  name TEXT PRIMARY KEY,
  breaker TEXT NOT NULL CHECK (breaker IN ('closed', 'open')),
  failures BIGINT NOT NULL DEFAULT 0, -- in a row
  why TEXT,
  opened_at BIGINT,
  probe_at BIGINT                    -- until then its tasks rest
);

CREATE TABLE audit (
  id TEXT PRIMARY KEY,               -- sorts in the order of writing
  order_id TEXT,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,               -- buyer, machine:STEP, gateway:NAME, operator:NAME, worker
  action TEXT NOT NULL,              -- "order.paid", "grant.state"
  why TEXT,
  before TEXT,
  after TEXT,
  at BIGINT NOT NULL
);
CREATE INDEX audit_by_order ON audit (order_id, id) WHERE order_id IS NOT NULL;

CREATE TABLE keys (
  name TEXT PRIMARY KEY,             -- what it signs
  value TEXT NOT NULL,               -- hex; made once, when the configuration gives none
  created_at BIGINT NOT NULL
);
