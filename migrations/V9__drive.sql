-- Course files on the seller's own Drive: folders of versions, what is in them, who reads them.

-- Beside Bursar's own links, which work at once: the Drive on which the buyer reads the files too.
ALTER TABLE benefits ADD COLUMN drive TEXT;  -- its name in the settings; NULL: none
ALTER TABLE grants ADD COLUMN drive TEXT;    -- drive:NAME, the connection of its tasks; NULL: none

-- A version is one folder on a Drive, and copies of it when there are more readers than one can have.
CREATE TABLE drive_folders (
  id TEXT PRIMARY KEY,
  drive TEXT NOT NULL,               -- drive:NAME
  version TEXT NOT NULL REFERENCES content_versions (id),
  shard BIGINT NOT NULL CHECK (shard >= 1),
  state TEXT NOT NULL CHECK (state IN ('listing', 'filling', 'ready')),
  remote TEXT,                       -- its id over there: reserved and stored before it is used, so that a retry makes no twin
  link TEXT,                         -- where people open it; NULL until it was made
  listed_to BIGINT NOT NULL DEFAULT 0, -- serial of the version's last file that has a row here
  is_full BIGINT NOT NULL DEFAULT 0, -- 1: the Drive takes no more readers; the next ones get the next copy
  held_by TEXT,                      -- the task that changes it now: two changes that meet over there lose one
  held_until BIGINT,                 -- when another may go on
  checked_at BIGINT,                 -- when its readers were last compared
  retry_at BIGINT,                   -- until when its filling stands still
  why TEXT,                          -- why its filling stands still
  created_at BIGINT NOT NULL,
  UNIQUE (drive, version, shard)
);

CREATE TABLE drive_items (
  folder TEXT NOT NULL REFERENCES drive_folders (id),
  path TEXT NOT NULL,                -- below the folder, as the version has it
  depth BIGINT NOT NULL,             -- of a folder; files come after all folders. What is made first stands first
  remote TEXT NOT NULL,              -- reserved id
  size BIGINT,                       -- NULL: a folder
  md5 TEXT,                          -- NULL: a folder
  stored_as TEXT,                    -- in the version's store; NULL: a folder
  session TEXT,                      -- where its bytes may be sent to: a secret, gone when they are there
  state TEXT NOT NULL CHECK (state IN ('waiting', 'there')),
  PRIMARY KEY (folder, path)
);
CREATE INDEX drive_items_to_make ON drive_items (folder, depth, path) WHERE state = 'waiting';

CREATE TABLE drive_seats (
  folder TEXT NOT NULL REFERENCES drive_folders (id),
  learner TEXT NOT NULL,             -- one right over there, whatever number of orders is behind it
  state TEXT NOT NULL CHECK (state IN ('asked', 'given', 'gone')),
  person TEXT,                       -- the id of the right over there; NULL before an answer
  was_there BIGINT NOT NULL DEFAULT 0, -- 1: somebody else had let them read before; not ours to take away
  at BIGINT NOT NULL,                -- since when it is so
  PRIMARY KEY (folder, learner)
);
CREATE INDEX drive_seats_of ON drive_seats (learner);

-- Until when an account invites nobody, because it has invited too many.
CREATE TABLE drive_pauses (
  drive TEXT PRIMARY KEY,
  until BIGINT NOT NULL,
  why TEXT NOT NULL
);
