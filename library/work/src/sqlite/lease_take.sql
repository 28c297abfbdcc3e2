-- Takes a lease that is free or over, with a fence above all earlier ones.
UPDATE evenkeel_lease
SET holder = $2, fence = fence + 1, taken_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER),
    expires_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + $3
WHERE name = $1 AND expires_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER)
RETURNING fence
