-- Moments are microseconds since 1970 by the clock of the host. state: 0 ready, 1 running. Ids are never used again, or a
-- late write of an old job could match a new one.
CREATE TABLE evenkeel_job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    order_key TEXT,
    unique_key TEXT,
    state INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    run_at INTEGER NOT NULL,
    deadline INTEGER,
    lease_until INTEGER,
    owner TEXT,
    cancelled INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    redrives INTEGER NOT NULL DEFAULT 0,
    enqueued_at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    trace TEXT
) STRICT;
CREATE INDEX evenkeel_job_ready ON evenkeel_job (queue, priority, run_at, id) WHERE state = 0 AND order_key IS NULL;
CREATE INDEX evenkeel_job_running ON evenkeel_job (queue) WHERE state = 1;
CREATE INDEX evenkeel_job_ordered ON evenkeel_job (queue, order_key, id) WHERE order_key IS NOT NULL;
CREATE UNIQUE INDEX evenkeel_job_one_running ON evenkeel_job (queue, order_key) WHERE state = 1 AND order_key IS NOT NULL;
CREATE UNIQUE INDEX evenkeel_job_unique ON evenkeel_job (kind, unique_key) WHERE unique_key IS NOT NULL;
CREATE TABLE evenkeel_job_error (
    message_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    error TEXT NOT NULL
) STRICT;
CREATE INDEX evenkeel_job_error_message ON evenkeel_job_error (message_id, happened_at);
CREATE TABLE evenkeel_dead (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    order_key TEXT,
    unique_key TEXT,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    redrives INTEGER NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    enqueued_at INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    trace TEXT
) STRICT;
CREATE INDEX evenkeel_dead_queue ON evenkeel_dead (queue, id);
CREATE INDEX evenkeel_dead_died_at ON evenkeel_dead (died_at);
CREATE TABLE evenkeel_queue (
    queue TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    max_running INTEGER,
    rate_per_second INTEGER,
    tokens REAL NOT NULL DEFAULT 0,
    tokens_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE evenkeel_schedule (
    name TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    last_at INTEGER,
    paused INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
