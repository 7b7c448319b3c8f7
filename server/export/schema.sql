-- A farm's record as tables. Times are texts in UTC, as in the documents: 2026-11-22T06:10:03.123Z. They sort as they
-- stand, and SQLite's date functions read them. A number that is beyond 64 bits is the largest of these.
PRAGMA application_id = 1668441709; -- "crfm"
PRAGMA user_version = 5;

-- Where this copy stands: for each database its instance and the sequence of the last change that is in here.
CREATE TABLE copied (
    database TEXT PRIMARY KEY, -- name of the CouchDB database
    instance TEXT NOT NULL,    -- tells a database from a later one of the same name
    seq TEXT NOT NULL
);

-- A line of development of a product.
CREATE TABLE branch (
    id TEXT PRIMARY KEY,       -- branch:<product>:<branch>
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    major_version TEXT NOT NULL
);

-- A worker machine's entry.
CREATE TABLE worker (
    id TEXT PRIMARY KEY,       -- worker:<name>
    hostname TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    cpu_name TEXT NOT NULL,
    state TEXT NOT NULL,       -- waiting, executing, paused, stopped, …
    state_reason TEXT NOT NULL,
    state_since TEXT NOT NULL, -- when it entered that state; empty where nobody told
    version TEXT NOT NULL,
    slots INTEGER NOT NULL,
    heartbeat_at TEXT NOT NULL,
    registered_at TEXT NOT NULL
);

-- A run to be done. Finished jobs leave the farm after a while; their results stay.
CREATE TABLE job (
    id TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    buildtype TEXT NOT NULL,
    input TEXT NOT NULL,       -- the input's name or URL
    kind TEXT NOT NULL,
    state TEXT NOT NULL,       -- pending, running, completed, aborted
    outcome TEXT,              -- success, failure, error; of completed jobs
    priority INTEGER NOT NULL, -- 0 comes first
    source TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT
);
CREATE INDEX job_state ON job (state, product, branch);

-- What one run showed.
CREATE TABLE result (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL,         -- its job's id; the job itself may be gone
    product TEXT NOT NULL,
    branch TEXT NOT NULL,
    buildtype TEXT NOT NULL,
    os_name TEXT NOT NULL,
    os_version TEXT NOT NULL,
    cpu_name TEXT NOT NULL,
    worker TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    completed_at TEXT NOT NULL,
    outcome TEXT NOT NULL,     -- success: nothing found; failure: something found; error: could not be run
    exit_status INTEGER,
    exit_signal INTEGER,
    killed_for TEXT NOT NULL,  -- the limit (time, memory, output) for which the worker ended it
    input TEXT NOT NULL,
    source TEXT NOT NULL,
    build TEXT NOT NULL        -- an older build of the branch, by its name; empty: the branch's current one
);
-- The branch comes first: by the product alone, which most results share, nobody should look for anything.
CREATE INDEX result_branch ON result (branch, product, completed_at);
CREATE INDEX result_input ON result (input, product, branch);

-- One thing that went wrong in a run.
CREATE TABLE finding (
    result TEXT NOT NULL REFERENCES result (id) ON DELETE CASCADE,
    position INTEGER NOT NULL, -- its place in the result, from 0
    kind TEXT NOT NULL,        -- crash, assertion, sanitizer, valgrind, hang, oom, exception
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    detail TEXT NOT NULL,      -- an assertion's file, else the signature
    signature TEXT NOT NULL,
    severity TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER,
    access TEXT NOT NULL,
    size INTEGER,
    address TEXT NOT NULL,
    input TEXT NOT NULL,
    signature_name TEXT NOT NULL, -- 16 hex digits, as in the address of its page in the report
    PRIMARY KEY (result, position)
);
CREATE INDEX finding_detail ON finding (kind, detail);
CREATE INDEX finding_signature_name ON finding (signature_name);

-- The stack of a finding, innermost frame first.
CREATE TABLE frame (
    result TEXT NOT NULL,
    finding INTEGER NOT NULL,
    position INTEGER NOT NULL,
    function TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER,
    module TEXT NOT NULL,
    PRIMARY KEY (result, finding, position),
    FOREIGN KEY (result, finding) REFERENCES finding (result, position) ON DELETE CASCADE
);

-- One distinct tuple that was ever seen: what, on which build, on which kind of machine.
CREATE TABLE tuple (
    id TEXT PRIMARY KEY,       -- history_<kind>:<digest>
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
    signature_name TEXT NOT NULL
);
CREATE INDEX tuple_detail ON tuple (kind, detail);
CREATE INDEX tuple_signature_name ON tuple (signature_name, product, branch);
CREATE INDEX tuple_first_seen ON tuple (first_seen);

-- An input on which a tuple was seen: of each tuple a bounded number.
CREATE TABLE place (
    tuple TEXT NOT NULL REFERENCES tuple (id) ON DELETE CASCADE,
    place TEXT NOT NULL,
    PRIMARY KEY (tuple, place)
);

-- A bug that a tracker knows.
CREATE TABLE bug (
    id TEXT PRIMARY KEY,       -- bug:<tracker>:<number>
    tracker TEXT NOT NULL,
    number TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,       -- open, closed
    resolution TEXT NOT NULL,
    url TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Which bug explains which tuple. The bug's own row may not be there.
CREATE TABLE explains (
    bug TEXT NOT NULL,
    tuple TEXT NOT NULL REFERENCES tuple (id) ON DELETE CASCADE,
    open INTEGER NOT NULL,
    regressed INTEGER NOT NULL, -- the bug is closed and fixed there, and the tuple was seen all the same
    PRIMARY KEY (bug, tuple)
);
CREATE INDEX explains_tuple ON explains (tuple);

-- What people and the farm found out about a signature as a whole; what nobody found out is empty or NULL.
CREATE TABLE note (
    id TEXT PRIMARY KEY,       -- signature:<digest>
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    message TEXT NOT NULL,     -- of assertions; empty for all else
    variant_of TEXT NOT NULL,  -- the note of the signature that leads those of one bug
    confirmed_by TEXT NOT NULL,
    minimal_result TEXT,       -- the result whose attachment is the smallest input
    minimal_size INTEGER,      -- bytes
    minimal_original_size INTEGER, -- bytes of the input that it was made of
    minimal_tests INTEGER,     -- how many smaller ones were tried
    branch TEXT,               -- on which the builds below are
    last_good TEXT,
    first_bad TEXT,
    last_bad TEXT,
    first_good TEXT,
    range_runs INTEGER,        -- how many runs it took to find them
    repeated INTEGER,          -- how often it was tried again
    seen_again INTEGER,        -- how often it came
    signature_name TEXT NOT NULL
);
CREATE INDEX note_detail ON note (kind, detail);
CREATE INDEX note_signature_name ON note (signature_name);

-- Documents that break the rules of their type, and are in no other table.
CREATE TABLE unreadable (
    id TEXT PRIMARY KEY,
    reason TEXT NOT NULL
);

-- What findings have in common. An assertion's detail is only its file, so its message counts, too.
CREATE VIEW signature AS
SELECT
    signature_name AS name,
    min(kind) AS kind,
    min(detail) AS detail,
    CASE WHEN min(kind) = 'assertion' THEN min(message) ELSE '' END AS message,
    max(title) AS title,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    count(*) AS tuples,
    count(DISTINCT product || ' ' || branch) AS branches, -- those of one name in two products are two
    min(suppressed) AS suppressed -- all of its tuples are
FROM tuple GROUP BY signature_name;

-- How a signature stands, which takes longer to find out.
CREATE VIEW standing AS
SELECT
    signature_name AS name,
    (SELECT count(*) FROM finding WHERE finding.signature_name = tuple.signature_name) AS findings,
    (
        SELECT count(DISTINCT bug) FROM tuple AS its JOIN explains ON explains.tuple = its.id
        WHERE its.signature_name = tuple.signature_name AND explains.open = 1
    ) AS open_bugs,
    (
        SELECT count(DISTINCT bug) FROM tuple AS its JOIN explains ON explains.tuple = its.id
        WHERE its.signature_name = tuple.signature_name AND explains.open = 0
    ) AS closed_bugs,
    -- When anything was run last on a branch where it was seen.
    max((
        SELECT max(completed_at) FROM result
        WHERE result.product = tuple.product AND result.branch = tuple.branch
    )) AS last_run,
    -- An input that shows it on one branch has also run on another branch, where it was never seen.
    max(CASE WHEN EXISTS (
        SELECT 1 FROM place
        JOIN result ON result.input = place.place AND result.product = tuple.product AND result.outcome <> 'error'
        WHERE place.tuple = tuple.id AND NOT EXISTS (
            SELECT 1 FROM tuple AS there
            WHERE there.signature_name = tuple.signature_name
                AND there.product = result.product AND there.branch = result.branch
        )
    ) THEN 1 ELSE 0 END) AS differs
FROM tuple GROUP BY signature_name;

-- How reliably a signature shows: how often it was seen on each build and kind of machine, in how many runs of the
-- inputs that are known to show it. Inputs beyond the bounded number of places are not counted as runs.
CREATE VIEW matrix AS
SELECT
    tuple.signature_name, result.product, result.branch, result.buildtype, result.os_name, result.os_version,
    result.cpu_name,
    (
        SELECT count(*) FROM finding JOIN result AS its ON its.id = finding.result
        WHERE finding.signature_name = tuple.signature_name AND its.product = result.product
            AND its.branch = result.branch AND its.buildtype = result.buildtype AND its.os_name = result.os_name
            AND its.os_version = result.os_version AND its.cpu_name = result.cpu_name
    ) AS seen,
    count(DISTINCT result.id) AS ran
FROM tuple
JOIN place ON place.tuple = tuple.id
JOIN result ON result.input = place.place AND result.product = tuple.product AND result.outcome <> 'error'
GROUP BY
    tuple.signature_name, result.product, result.branch, result.buildtype, result.os_name, result.os_version,
    result.cpu_name;
