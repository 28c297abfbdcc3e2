-- Moments are microseconds since 1970 by the clock of the host.
-- state: 0 ready, 1 waiting, 2 undoing, 3 done, 4 undone, 5 needs a decision, 6 abandoned. A turn is one job that drives the run.
CREATE TABLE evenkeel_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    undoing INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,
    job_id INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    waits_for TEXT,
    wake_at INTEGER,
    reason TEXT,
    input TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    moved_at INTEGER NOT NULL
) STRICT;
CREATE INDEX evenkeel_run_live ON evenkeel_run (kind, state) WHERE state IN (0, 1, 2, 5);
CREATE INDEX evenkeel_run_ended ON evenkeel_run (moved_at) WHERE state IN (3, 4, 6);
-- An intent without a result is a call that may have taken effect.
CREATE TABLE evenkeel_step (
    run_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    intent_at INTEGER NOT NULL,
    result TEXT,
    done_at INTEGER,
    undone_at INTEGER,
    PRIMARY KEY (run_id, name)
) STRICT;
CREATE TABLE evenkeel_signal (
    run_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, name)
) STRICT;
