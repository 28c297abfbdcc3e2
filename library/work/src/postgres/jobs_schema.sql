-- Moments are microseconds since 1970 by the clock of the database. state: 0 ready, 1 running.
CREATE TABLE evenkeel_job (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    order_key TEXT,
    unique_key TEXT,
    state SMALLINT NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    fence BIGINT NOT NULL DEFAULT 0,
    run_at BIGINT NOT NULL,
    deadline BIGINT,
    lease_until BIGINT,
    owner TEXT,
    cancelled BOOLEAN NOT NULL DEFAULT FALSE,
    progress TEXT,
    redrives INTEGER NOT NULL DEFAULT 0,
    enqueued_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    trace TEXT
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX evenkeel_job_ready ON evenkeel_job (queue, priority, run_at, id) WHERE state = 0 AND order_key IS NULL;
CREATE INDEX evenkeel_job_running ON evenkeel_job (queue) WHERE state = 1;
CREATE INDEX evenkeel_job_ordered ON evenkeel_job (queue, order_key, id) WHERE order_key IS NOT NULL;
CREATE UNIQUE INDEX evenkeel_job_one_running ON evenkeel_job (queue, order_key) WHERE state = 1 AND order_key IS NOT NULL;
CREATE UNIQUE INDEX evenkeel_job_unique ON evenkeel_job (kind, unique_key) WHERE unique_key IS NOT NULL;
CREATE TABLE evenkeel_job_error (
    message_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    happened_at BIGINT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX evenkeel_job_error_message ON evenkeel_job_error (message_id, happened_at);
CREATE TABLE evenkeel_dead (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    order_key TEXT,
    unique_key TEXT,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    redrives INTEGER NOT NULL,
    reason TEXT NOT NULL,
    error TEXT NOT NULL,
    enqueued_at BIGINT NOT NULL,
    died_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    trace TEXT
);
CREATE INDEX evenkeel_dead_queue ON evenkeel_dead (queue, id);
CREATE INDEX evenkeel_dead_died_at ON evenkeel_dead (died_at);
CREATE TABLE evenkeel_queue (
    queue TEXT PRIMARY KEY,
    paused BOOLEAN NOT NULL DEFAULT FALSE,
    max_running BIGINT,
    rate_per_second BIGINT,
    tokens DOUBLE PRECISION NOT NULL DEFAULT 0,
    tokens_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE evenkeel_schedule (
    name TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    last_at BIGINT,
    paused BOOLEAN NOT NULL DEFAULT FALSE
);
