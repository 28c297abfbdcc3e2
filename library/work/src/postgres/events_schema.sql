-- Moments are microseconds since 1970 by the clock of the database. Events are in the order of (epoch, txid, seq). A transaction id is
-- given before the commit, so that readers stop at the oldest transaction that still runs. A cluster that was restored from a dump begins
-- again with low transaction ids: its events belong to a new epoch.
CREATE TABLE evenkeel_event (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch BIGINT NOT NULL,
    txid BIGINT NOT NULL DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT),
    message_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    happened_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    trace TEXT
);
CREATE INDEX evenkeel_event_order ON evenkeel_event (epoch, txid, seq);
CREATE UNIQUE INDEX evenkeel_event_stream ON evenkeel_event (stream, version);
CREATE TABLE evenkeel_event_epoch (epoch BIGINT PRIMARY KEY, begun_at BIGINT NOT NULL);
INSERT INTO evenkeel_event_epoch VALUES (0, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT));
-- The last version of each stream, and the transaction that wrote it: a later version never has an earlier transaction.
CREATE TABLE evenkeel_stream (
    stream TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    txid BIGINT NOT NULL
) WITH (fillfactor = 80);
-- state: 0 active, 1 paused, 2 halted, 3 done.
CREATE TABLE evenkeel_subscription (
    name TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    txid BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    until_epoch BIGINT NOT NULL,
    until_txid BIGINT NOT NULL,
    until_seq BIGINT NOT NULL,
    state SMALLINT NOT NULL DEFAULT 0,
    reason TEXT,
    folded BIGINT NOT NULL DEFAULT 0,
    moved_at BIGINT NOT NULL
) WITH (fillfactor = 50);
