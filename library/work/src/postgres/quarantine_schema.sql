-- Moments are microseconds since 1970 by the clock of the database.
CREATE TABLE evenkeel_quarantine (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source TEXT NOT NULL,
    record_key TEXT NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL,
    seized_at BIGINT NOT NULL
);
CREATE INDEX evenkeel_quarantine_source ON evenkeel_quarantine (source, id);
