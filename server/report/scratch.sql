-- The farm's record as one report needs it.
CREATE TABLE tuples (
    signature TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    detail TEXT NOT NULL,
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    buildtype TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    cpu_name TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    suppressed INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- How often it was seen on which day, as JSON, and the id of the newest result that shows it.
    days TEXT NOT NULL,
    newest TEXT NOT NULL,
    -- Kind and detail are parts of the signature.
    PRIMARY KEY (signature, message, product, branch, buildtype, os_name, os_version, cpu_name)
) WITHOUT ROWID;

-- Inputs on which a signature was seen.
CREATE TABLE places (
    signature TEXT NOT NULL,
    product TEXT NOT NULL,
    place TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (signature, product, place, document)
) WITHOUT ROWID;

CREATE TABLE bugs (
    signature TEXT NOT NULL,
    bug TEXT NOT NULL,
    open INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (bug, signature, document)
) WITHOUT ROWID;

-- Closed bugs whose tuples came back though they are fixed there, and when these were seen last: the collector decides.
CREATE TABLE again (
    signature TEXT NOT NULL,
    bug TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (bug, signature, document)
) WITHOUT ROWID;

-- What the bugs' own documents say, of those that have one, and the branches on which they are fixed.
CREATE TABLE bug_docs (
    bug TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    resolution TEXT NOT NULL,
    url TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE fixed_on (
    bug TEXT NOT NULL,
    branch TEXT NOT NULL,
    PRIMARY KEY (bug, branch)
) WITHOUT ROWID;

-- Where signatures were seen, how often.
CREATE TABLE on_branch (
    signature TEXT NOT NULL,
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (signature, product, branch)
) WITHOUT ROWID;
CREATE TABLE on_machine (
    signature TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    cpu_name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (signature, os_name, os_version, cpu_name)
) WITHOUT ROWID;

-- How often anything was seen on a branch on which day.
CREATE TABLE on_day (
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    day TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (product, branch, day)
) WITHOUT ROWID;

-- Branches that have run anything since the time from which on things are new.
CREATE TABLE active (
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    PRIMARY KEY (product, branch)
) WITHOUT ROWID;

-- Runs that could begin, of inputs on which something was seen.
CREATE TABLE ran (
    product TEXT NOT NULL,
    place TEXT NOT NULL,
    branch TEXT NOT NULL,
    buildtype TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    cpu_name TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (product, place, branch, buildtype, os_name, os_version, cpu_name)
) WITHOUT ROWID;

CREATE TABLE signatures (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    message TEXT NOT NULL,
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    findings INTEGER NOT NULL,
    tuples INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    differs INTEGER NOT NULL,
    open_bugs INTEGER NOT NULL,
    closed_bugs INTEGER NOT NULL,
    -- As JSON.
    branches TEXT NOT NULL,
    -- The id of the newest result that shows it; empty where there is none.
    newest TEXT NOT NULL
) WITHOUT ROWID;

-- Source file and line of the newest finding of a signature, where its log told them.
CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    line INTEGER
) WITHOUT ROWID;

-- The documents about signatures as a whole. Those of one bug's signatures have one leader, the id of one of them.
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    leader TEXT NOT NULL,
    doc TEXT NOT NULL
) WITHOUT ROWID;

-- History documents that break the rules of their type.
CREATE TABLE unreadable (
    document TEXT PRIMARY KEY
) WITHOUT ROWID;

-- Signatures that are to be made anew out of their tuples.
CREATE TABLE dirty (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

-- Signatures whose pages, as they were last written, are still true, and what they were made with.
CREATE TABLE pages (
    name TEXT PRIMARY KEY,
    look TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
