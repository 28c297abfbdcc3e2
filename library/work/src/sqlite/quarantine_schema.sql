-- Moments are microseconds since 1970 by the clock of the host.
CREATE TABLE evenkeel_quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    record_key TEXT NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL,
    seized_at INTEGER NOT NULL
) STRICT;
CREATE INDEX evenkeel_quarantine_source ON evenkeel_quarantine (source, id);
