-- Moments are microseconds since 1970 by the clock of the database. The fence is a key column: a renewal does not change it and
-- so does not wait for transactions that guard themselves by it, and a take-over does.
CREATE TABLE evenkeel_lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    taken_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX evenkeel_lease_fence ON evenkeel_lease (name, fence);
