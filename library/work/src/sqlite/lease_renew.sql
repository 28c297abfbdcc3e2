-- Extends a lease that has not been taken by another holder.
UPDATE evenkeel_lease
SET expires_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + $3
WHERE name = $1 AND fence = $2 AND expires_at > 0
