-- Moments are microseconds since 1970 by the clock of the database.
-- state: 0 ready, 1 waiting, 2 undoing, 3 done, 4 undone, 5 needs a decision, 6 abandoned. A turn is one job that drives the run.
CREATE TABLE evenkeel_run (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    state SMALLINT NOT NULL DEFAULT 0,
    undoing BOOLEAN NOT NULL DEFAULT FALSE,
    cancelled BOOLEAN NOT NULL DEFAULT FALSE,
    turn BIGINT NOT NULL DEFAULT 0,
    job_id BIGINT NOT NULL DEFAULT 0,
    fence BIGINT NOT NULL DEFAULT 0,
    waits_for TEXT,
    wake_at BIGINT,
    reason TEXT,
    input TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    moved_at BIGINT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX evenkeel_run_live ON evenkeel_run (kind, state) WHERE state IN (0, 1, 2, 5);
CREATE INDEX evenkeel_run_ended ON evenkeel_run (moved_at) WHERE state IN (3, 4, 6);
-- An intent without a result is a call that may have taken effect.
CREATE TABLE evenkeel_step (
    run_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    intent_at BIGINT NOT NULL,
    result TEXT,
    done_at BIGINT,
    undone_at BIGINT,
    PRIMARY KEY (run_id, name)
);
CREATE TABLE evenkeel_signal (
    run_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (run_id, name)
);
