-- What buyers downloaded, who gets stamped copies, and which attempt ended a task.

-- One session: a grant's file over 24 hours, however many requests and connections it took.
CREATE TABLE downloads (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  file TEXT NOT NULL,                -- path in the course; empty is the whole course as one archive
  session BIGINT NOT NULL,           -- 1, 2, …; two requests at once agree on the number, so they are one session
  begun_at BIGINT NOT NULL,
  counted_at BIGINT,                 -- its first MiB (or all of it) was sent from its start; NULL: only parts were
  last_at BIGINT NOT NULL,           -- something was sent
  bytes BIGINT NOT NULL CHECK (bytes >= 0), -- sent, of all requests; 0 where a proxy sends
  address TEXT NOT NULL,             -- who began it, to see links that were passed on, and for disputes
  agent TEXT NOT NULL,               -- the program that began it, cut
  PRIMARY KEY (grant_id, file, session)
);
CREATE INDEX downloads_recent ON downloads (grant_id, begun_at);

-- PDFs of this folder carry the buyer's address and the order's code.
ALTER TABLE benefits ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0 CHECK (stamp IN (0, 1));
-- Benefits of a course that left the catalogue are gone, and its buyers' copies are stamped still.
ALTER TABLE courses ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0 CHECK (stamp IN (0, 1));

-- The lease of the attempt that ended last: a report that is sent twice is known again.
ALTER TABLE tasks ADD COLUMN ended_lease TEXT;
