-- Versions of course files: what buyers download once a course is published.

CREATE TABLE content_versions (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL,              -- the store that the files were taken from, as grants name it
  folder TEXT NOT NULL,              -- the folder there, as grants name it
  course TEXT NOT NULL,              -- the slug under which it was published; for people, since courses may share a folder
  number BIGINT NOT NULL CHECK (number >= 1),
  rule TEXT NOT NULL CHECK (rule IN ('all', 'new')),
  state TEXT NOT NULL CHECK (state IN ('publishing', 'ready')),
  store TEXT NOT NULL,               -- where the bytes are; the setting may have changed since
  claim TEXT,                        -- the process that publishes now; two would write into one file
  claimed_until BIGINT,              -- when another may go on with it
  files BIGINT,                      -- null until ready
  bytes BIGINT,                      -- null until ready
  digest TEXT,                       -- SHA-256 of the manifest; null until ready
  created_at BIGINT NOT NULL,
  ready_at BIGINT,                   -- grants from here on are those of new buyers
  UNIQUE (source, folder, number),
  CHECK ((state = 'ready') = (ready_at IS NOT NULL AND digest IS NOT NULL AND files IS NOT NULL AND bytes IS NOT NULL))
);

-- What was interrupted is gone on with, not begun again beside it.
CREATE UNIQUE INDEX content_one_in_the_making ON content_versions (source, folder) WHERE state = 'publishing';

CREATE TABLE content_files (
  version TEXT NOT NULL REFERENCES content_versions (id),
  serial BIGINT NOT NULL,            -- counts up within the version; a file that changed meanwhile gets another one
  path TEXT NOT NULL,                -- below the folder, in NFC: what buyers see and links name
  origin TEXT NOT NULL,              -- the path in the source as the source writes it
  size BIGINT NOT NULL CHECK (size >= 0),
  modified BIGINT,                   -- with tag and size: as the source was when the file was listed
  tag TEXT,
  stored_as TEXT NOT NULL,           -- in the version's store; an older version's where the content is the same
  sha256 TEXT,                       -- this and what follows is null until the bytes are there and were read back
  md5 TEXT,
  crc32 BIGINT,
  proof TEXT CHECK (proof IN ('md5', 'size')), -- what the read-back proved
  PRIMARY KEY (version, serial),
  UNIQUE (version, path),
  CHECK ((sha256 IS NULL) = (md5 IS NULL) AND (md5 IS NULL) = (crc32 IS NULL) AND (crc32 IS NULL) = (proof IS NULL))
);

-- What is still to be done, without reading what is done.
CREATE INDEX content_files_to_send ON content_files (version, serial) WHERE sha256 IS NULL;
