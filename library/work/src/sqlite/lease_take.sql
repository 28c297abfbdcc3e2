-- Takes a lease that is free or over, with a fence above all earlier ones.
INSERT INTO evenkeel_lease (name, holder, fence, taken_at, expires_at)
VALUES ($1, $2, 1, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER) + $3)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, fence = fence + 1, taken_at = excluded.taken_at, expires_at = excluded.expires_at
WHERE expires_at <= excluded.taken_at
RETURNING fence
