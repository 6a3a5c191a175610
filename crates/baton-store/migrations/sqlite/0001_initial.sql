-- Baton's first schema. Ids are 16 bytes, instants are microseconds since the Unix epoch in UTC,
-- states are the numbers of core::state::State, everything structured is JSON text.
-- Unique keys start with the org; ids that arrive without one have a plain index beside.

CREATE TABLE sequences (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;

-- What runs need of a robot; queued runs with the same id form one group. `queued` is counted
-- with every commit so that depths are read without counting.
CREATE TABLE needs (
    id       INTEGER NOT NULL PRIMARY KEY,
    org      INTEGER NOT NULL,
    executor INTEGER NOT NULL CHECK (executor BETWEEN 0 AND 2),
    queue_id BLOB    NOT NULL,
    queued   INTEGER NOT NULL DEFAULT 0,
    json     TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX needs_by_json ON needs (org, executor, json);

-- Everything fixed about runs that many runs share: a RunSpec without its parameters and trigger.
CREATE TABLE shapes (
    id       INTEGER NOT NULL PRIMARY KEY,
    org      INTEGER NOT NULL,
    json     TEXT    NOT NULL,
    needs_id INTEGER NOT NULL REFERENCES needs (id)
) STRICT;
CREATE UNIQUE INDEX shapes_by_json ON shapes (org, json);

-- `phase` is the state, with all states between assignment and end (dispatched, running, paused,
-- cancelling) as 2: the indexes hang on it, so that a start touches none of them.
CREATE TABLE runs (
    org            INTEGER NOT NULL,
    id             BLOB    NOT NULL CHECK (length(id) = 16),
    state          INTEGER NOT NULL CHECK (state BETWEEN 0 AND 10),
    phase          INTEGER NOT NULL CHECK (phase = CASE WHEN state BETWEEN 2 AND 5 THEN 2 ELSE state END),
    attempt        INTEGER NOT NULL CHECK (attempt >= 1),
    fence          INTEGER NOT NULL CHECK (fence >= 0),
    live           INTEGER NOT NULL CHECK (live IN (0, 1)),
    retries_used   INTEGER NOT NULL CHECK (retries_used >= 0),
    needs_id       INTEGER NOT NULL,
    shape_id       INTEGER NOT NULL,
    last_event     INTEGER NOT NULL CHECK (last_event > 0),
    created_at     INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    queued_at      INTEGER,
    dispatched_at  INTEGER,
    started_at     INTEGER,
    ended_at       INTEGER CHECK ((ended_at IS NOT NULL) = (state >= 6)),
    changed_at     INTEGER NOT NULL,
    start_deadline INTEGER,
    -- Whether it comes after earlier runs of its schedule: 0 no, 1 and it must wait, 2 but need not now.
    waits          INTEGER NOT NULL DEFAULT 0 CHECK (waits BETWEEN 0 AND 2),
    executor       INTEGER NOT NULL CHECK (executor BETWEEN 0 AND 2),
    priority       INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
    flow_id        BLOB    NOT NULL CHECK (length(flow_id) = 16),
    queue_id       BLOB    NOT NULL CHECK (length(queue_id) = 16),
    deployment_id  BLOB,
    schedule_id    BLOB,
    robot_id       BLOB,
    name           TEXT    NOT NULL,
    trigger        TEXT    NOT NULL,
    parameters     TEXT,
    rejected_by    BLOB,
    error          TEXT,
    progress       TEXT,
    PRIMARY KEY (org, id),
    CHECK (state NOT IN (0, 1) OR started_at IS NULL),
    CHECK (state <> 1 OR live = 0),
    CHECK (state <> 2 OR (live = 1 AND fence > 0 AND robot_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The dispatcher: the front of each group, by seeks.
CREATE INDEX runs_queued ON runs (needs_id, due_at, id, attempt, rejected_by) WHERE phase = 1;
-- The services that sleep until something is due.
CREATE INDEX runs_due ON runs (due_at, id, attempt) WHERE phase = 0 AND live = 0 AND executor = 0 AND waits <> 1;
CREATE INDEX runs_waiting ON runs (org, schedule_id, id) WHERE waits <> 0 AND phase = 0;
CREATE INDEX runs_start_deadline ON runs (start_deadline, id, attempt)
    WHERE start_deadline IS NOT NULL AND attempt = 1 AND started_at IS NULL AND ended_at IS NULL;
-- Lists: each by id within what it filters.
CREATE INDEX runs_by_phase ON runs (org, phase, id);
CREATE INDEX runs_by_flow ON runs (org, flow_id, id);
CREATE INDEX runs_by_queue ON runs (org, queue_id, id);
CREATE INDEX runs_by_deployment ON runs (org, deployment_id, id) WHERE deployment_id IS NOT NULL;
CREATE INDEX runs_manual ON runs (org, id) WHERE deployment_id IS NULL;
CREATE INDEX runs_by_schedule ON runs (org, schedule_id, id) WHERE schedule_id IS NOT NULL;
CREATE INDEX runs_open_by_schedule ON runs (org, schedule_id, id)
    WHERE schedule_id IS NOT NULL AND ended_at IS NULL;
CREATE INDEX runs_by_robot ON runs (org, robot_id, id) WHERE robot_id IS NOT NULL;
CREATE INDEX runs_by_priority ON runs (org, priority, id) WHERE priority <> 1;
CREATE INDEX runs_by_name ON runs (org, name COLLATE NOCASE);
-- Retention: what ended first.
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE run_tags (
    org    INTEGER NOT NULL,
    tag    TEXT    NOT NULL,
    run_id BLOB    NOT NULL,
    PRIMARY KEY (org, tag, run_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_keys (
    org        INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    run_id     BLOB    NOT NULL,
    PRIMARY KEY (org, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_keys_by_run ON run_keys (org, run_id);

-- While an attempt is open its state and start are those of its run; they are written here when it
-- ends, so that a start touches one row less.
CREATE TABLE attempts (
    org            INTEGER NOT NULL,
    run_id         BLOB    NOT NULL,
    number         INTEGER NOT NULL CHECK (number >= 1),
    fence          INTEGER NOT NULL CHECK (fence >= 0),
    executor       INTEGER NOT NULL CHECK (executor BETWEEN 0 AND 2),
    state          INTEGER NOT NULL CHECK (state BETWEEN 2 AND 10),
    live           INTEGER NOT NULL CHECK (live IN (0, 1)),
    needs_id       INTEGER NOT NULL,
    robot_id       BLOB,
    assigned_at    INTEGER NOT NULL,
    started_at     INTEGER,
    ended_at       INTEGER,
    exit_code      INTEGER,
    execution_time REAL,
    computer       TEXT,
    desktop        TEXT,
    error          TEXT,
    outputs        TEXT,
    late_result    TEXT,
    -- Log lines up to here were removed by retention.
    log_pruned     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org, run_id, number),
    CHECK ((state >= 6) = (ended_at IS NOT NULL)),
    CHECK (live = 0 OR executor <> 0 OR fence > 0)
) STRICT, WITHOUT ROWID;
-- Slots, limits and desktops are counted here and nowhere else.
CREATE INDEX attempts_live ON attempts (robot_id, needs_id, desktop) WHERE live = 1;

-- History, append only. `previous` chains the events of one run backwards; runs.last_event is its end.
CREATE TABLE run_events (
    seq      INTEGER NOT NULL PRIMARY KEY,
    previous INTEGER NOT NULL,
    org      INTEGER NOT NULL,
    run_id   BLOB    NOT NULL,
    "from"   INTEGER,
    "to"     INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,
    fence    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    event    TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    robot_id BLOB,
    message  TEXT,
    CHECK (previous < seq)
) STRICT;

CREATE TABLE state_counts (
    org   INTEGER NOT NULL,
    state INTEGER NOT NULL,
    runs  INTEGER NOT NULL,
    PRIMARY KEY (org, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes (
    org           INTEGER NOT NULL,
    minute        INTEGER NOT NULL,
    flow_id       BLOB    NOT NULL,
    deployment_id BLOB    NOT NULL,
    robot_id      BLOB    NOT NULL,
    created       INTEGER NOT NULL,
    completed     INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    timed_out     INTEGER NOT NULL,
    crashed       INTEGER NOT NULL,
    cancelled     INTEGER NOT NULL,
    seconds       REAL    NOT NULL,
    timed         INTEGER NOT NULL,
    histogram     BLOB    NOT NULL,
    PRIMARY KEY (org, minute, flow_id, deployment_id, robot_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE samples (
    org     INTEGER NOT NULL,
    grain   INTEGER NOT NULL,
    metric  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    -- The sum of what was measured in the period, and how many values that were.
    value   REAL    NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (org, grain, metric, subject, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX samples_by_age ON samples (grain, at);

CREATE TABLE task_runs (
    position   INTEGER NOT NULL PRIMARY KEY,
    org        INTEGER NOT NULL,
    run_id     BLOB    NOT NULL,
    attempt    INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    state      INTEGER NOT NULL,
    after      TEXT    NOT NULL,
    tries      INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER,
    error      TEXT,
    data       TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX task_runs_by_key ON task_runs (org, run_id, attempt, key);

CREATE TABLE logs (
    org     INTEGER NOT NULL,
    run_id  BLOB    NOT NULL,
    attempt INTEGER NOT NULL,
    seq     INTEGER NOT NULL CHECK (seq >= 1),
    at      INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    stream  INTEGER NOT NULL,
    task    TEXT,
    message TEXT    NOT NULL,
    PRIMARY KEY (org, run_id, attempt, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq     INTEGER NOT NULL PRIMARY KEY,
    org     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;

CREATE TABLE robots (
    org           INTEGER NOT NULL,
    id            BLOB    NOT NULL CHECK (length(id) = 16),
    name          TEXT    NOT NULL,
    offer         TEXT    NOT NULL,
    draining      INTEGER NOT NULL CHECK (draining IN (0, 1)),
    drain_comment TEXT    NOT NULL,
    session       INTEGER NOT NULL CHECK (session >= 0),
    connected     INTEGER NOT NULL CHECK (connected IN (0, 1)),
    last_seen     INTEGER,
    lease_until   INTEGER,
    metrics       TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX robots_by_name ON robots (org, name);
CREATE INDEX robots_by_id ON robots (id);

CREATE TABLE robot_logs (
    org      INTEGER NOT NULL,
    robot_id BLOB    NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    message  TEXT    NOT NULL,
    PRIMARY KEY (org, robot_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE queues (
    org        INTEGER NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    settings   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX queues_by_name ON queues (org, name);
-- The queue of the first org that is there from the start.
INSERT INTO queues (org, id, name, settings, created_at)
VALUES (1, x'00000000000000000000000000000001', 'default', '{}', 0);

CREATE TABLE tag_limits (
    org        INTEGER NOT NULL,
    tag        TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    "limit"    INTEGER NOT NULL CHECK ("limit" >= 0),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    hash       TEXT    NOT NULL PRIMARY KEY,
    size       INTEGER NOT NULL CHECK (size >= 0),
    chunks     INTEGER NOT NULL CHECK (chunks >= 0),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_chunks (
    hash    TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    bytes   BLOB    NOT NULL,
    -- When retention first saw it without a finished blob.
    seen_at INTEGER,
    PRIMARY KEY (hash, number)
) STRICT;
CREATE INDEX blob_chunks_seen ON blob_chunks (seen_at, hash);

CREATE TABLE flows (
    org            INTEGER NOT NULL,
    id             BLOB    NOT NULL CHECK (length(id) = 16),
    name           TEXT    NOT NULL,
    description    TEXT    NOT NULL,
    folder         TEXT    NOT NULL,
    tags           TEXT    NOT NULL,
    latest_version BLOB,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX flows_by_name ON flows (org, name);

CREATE TABLE versions (
    org              INTEGER NOT NULL,
    id               BLOB    NOT NULL CHECK (length(id) = 16),
    flow_id          BLOB    NOT NULL,
    number           INTEGER NOT NULL CHECK (number >= 1),
    status           TEXT    NOT NULL,
    package          TEXT,
    entry            TEXT    NOT NULL,
    parameter_schema TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, flow_id) REFERENCES flows (org, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX versions_by_flow ON versions (org, flow_id, number);
CREATE INDEX versions_by_package ON versions (package) WHERE package IS NOT NULL;

CREATE TABLE deployments (
    org               INTEGER NOT NULL,
    id                BLOB    NOT NULL CHECK (length(id) = 16),
    flow_id           BLOB    NOT NULL,
    name              TEXT    NOT NULL,
    settings          TEXT    NOT NULL,
    queue_id          BLOB    NOT NULL,
    concurrency_limit INTEGER,
    paused            INTEGER NOT NULL CHECK (paused IN (0, 1)),
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, flow_id) REFERENCES flows (org, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deployments_by_name ON deployments (org, flow_id, name);
CREATE INDEX deployments_by_queue ON deployments (org, queue_id);

-- `held` is paused, or the deployment is: kept with both, so that the due index holds only what may fire.
CREATE TABLE schedules (
    org           INTEGER NOT NULL,
    id            BLOB    NOT NULL CHECK (length(id) = 16),
    deployment_id BLOB    NOT NULL,
    name          TEXT    NOT NULL,
    settings      TEXT    NOT NULL,
    paused        INTEGER NOT NULL CHECK (paused IN (0, 1)),
    held          INTEGER NOT NULL CHECK (held IN (0, 1) AND held >= paused),
    next_at       INTEGER,
    last_slot     INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, deployment_id) REFERENCES deployments (org, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX schedules_by_name ON schedules (org, deployment_id, name);
CREATE INDEX schedules_due ON schedules (next_at, id) WHERE held = 0 AND next_at IS NOT NULL;
CREATE INDEX schedules_by_next ON schedules (org, (next_at IS NULL), next_at, id);

-- A slot makes at most one run, ever.
CREATE TABLE schedule_slots (
    org         INTEGER NOT NULL,
    schedule_id BLOB    NOT NULL,
    slot        INTEGER NOT NULL,
    run_id      BLOB    NOT NULL,
    PRIMARY KEY (org, schedule_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
    org          INTEGER NOT NULL,
    id           BLOB    NOT NULL CHECK (length(id) = 16),
    run_id       BLOB    NOT NULL,
    attempt      INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    hash         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX artifacts_by_name ON artifacts (org, run_id, attempt, name);
CREATE INDEX artifacts_by_hash ON artifacts (hash);

CREATE TABLE keys (
    org          INTEGER NOT NULL,
    id           BLOB    NOT NULL CHECK (length(id) = 16),
    name         TEXT    NOT NULL,
    kind         INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 4),
    role         TEXT    NOT NULL,
    robot_id     BLOB,
    hash         BLOB    NOT NULL CHECK (length(hash) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_id ON keys (id);
CREATE INDEX keys_by_robot ON keys (org, robot_id) WHERE robot_id IS NOT NULL;
CREATE INDEX keys_by_kind ON keys (org, kind, id);
