-- What is sold. Written by one command only, which replaces all of it in one transaction.

-- One row. Taken first by every import, so that two imports follow each other.
CREATE TABLE catalogue (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL                                -- grows with every import: copies in memory compare it
);

INSERT INTO catalogue (id, revision) VALUES (1, 0);

-- Rows are never deleted: lines of orders point at them.
CREATE TABLE courses (
    slug        TEXT   NOT NULL PRIMARY KEY                 -- the seller chose it; it is in addresses and orders for good
                       CHECK (LENGTH(slug) BETWEEN 1 AND 80),
    title       TEXT   NOT NULL,                            -- as sold now; a line keeps the title it was sold under
    summary     TEXT   NOT NULL,                            -- for the shop's pages
    url         TEXT   NOT NULL,                            -- the seller's page as written, for links and the export
    url_key     TEXT   NOT NULL,                            -- the same without what does not make another page: shops order by it
    price       BIGINT NOT NULL CHECK (price > 0),          -- list price in whole dong; a line freezes what was asked
    rights      TEXT   NOT NULL                             -- no course without a basis for distributing it
                       CHECK (rights IN ('own', 'licensed', 'open')),
    access_days BIGINT CHECK (access_days BETWEEN 1 AND 3650), -- days from activation; null is for good
    cover       TEXT,                                       -- address or path of a picture; null where there is none
    active      BIGINT NOT NULL CHECK (active IN (0, 1)),   -- 0: left the file, no longer sold, still pointed at
    position    BIGINT NOT NULL CHECK (position >= 0)       -- place in the file, so that the export is the file
);

-- Only among what is on sale: a page may pass from a course that left to one that came.
CREATE UNIQUE INDEX courses_one_per_page ON courses (url_key) WHERE active = 1;

-- What a course promises. Grants keep their own copy, so these are replaced freely.
CREATE TABLE benefits (
    course        TEXT   NOT NULL REFERENCES courses (slug),
    position      BIGINT NOT NULL CHECK (position >= 0),    -- order in which buyers see them
    kind          TEXT   NOT NULL CHECK (kind IN ('enrolment', 'files')),
    connection    TEXT,                                     -- enrolment: name in the configuration
    remote_course TEXT,                                     -- enrolment: the platform's id of the course
    source        TEXT,                                     -- files: name in the configuration
    folder        TEXT,                                     -- files: path below the source
    destination   TEXT   CHECK (destination IN ('download', 'worker')), -- files: who hands them over
    PRIMARY KEY (course, position),
    CHECK (CASE kind                                        -- each kind has its own columns and no others
        WHEN 'enrolment' THEN connection IS NOT NULL AND remote_course IS NOT NULL
            AND source IS NULL AND folder IS NULL AND destination IS NULL
        ELSE source IS NOT NULL AND folder IS NOT NULL AND destination IS NOT NULL
            AND connection IS NULL AND remote_course IS NULL
    END)
);

-- Named sets of courses. Nothing points at them: the order says in its own words which one gave its price.
CREATE TABLE bundles (
    slug     TEXT   NOT NULL PRIMARY KEY                    -- ordered by it; shares one name space with courses
                    CHECK (LENGTH(slug) BETWEEN 1 AND 80),
    title    TEXT   NOT NULL,                               -- what buyers read
    summary  TEXT,                                          -- for the shop's pages; null where there is none
    price    BIGINT NOT NULL CHECK (price > 0),             -- whole dong for all courses together
    position BIGINT NOT NULL CHECK (position >= 0)          -- place in the file
);

CREATE TABLE bundle_courses (
    bundle   TEXT   NOT NULL REFERENCES bundles (slug),
    position BIGINT NOT NULL CHECK (position >= 0),         -- order in which the bundle names them
    course   TEXT   NOT NULL REFERENCES courses (slug),
    PRIMARY KEY (bundle, position),
    UNIQUE (bundle, course)                                 -- a course is in a bundle once
);

-- "Any so many courses at one price."
CREATE TABLE combos (
    courses  BIGINT NOT NULL PRIMARY KEY CHECK (courses >= 2), -- two prices for one number would contradict each other
    price    BIGINT NOT NULL CHECK (price > 0),             -- whole dong for all of them together
    position BIGINT NOT NULL CHECK (position >= 0)          -- place in the file
);
