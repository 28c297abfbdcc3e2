-- Moments are microseconds since 1970 by the clock of the host. One transaction writes at a time, so that the order of seq is the order of
-- the commits. Numbers are never used again, or a reader behind a deleted event could leave out a new one.
CREATE TABLE evenkeel_event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    trace TEXT
) STRICT;
CREATE UNIQUE INDEX evenkeel_event_stream ON evenkeel_event (stream, version);
-- The last version of each stream.
CREATE TABLE evenkeel_stream (
    stream TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- state: 0 active, 1 paused, 2 halted, 3 done.
CREATE TABLE evenkeel_subscription (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    txid INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    until_epoch INTEGER NOT NULL,
    until_txid INTEGER NOT NULL,
    until_seq INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    folded INTEGER NOT NULL DEFAULT 0,
    moved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
