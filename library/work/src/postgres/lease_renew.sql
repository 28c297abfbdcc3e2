-- Extends a lease that has not been taken by another holder.
UPDATE evenkeel_lease
SET expires_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $3
WHERE name = $1 AND fence = $2 AND expires_at > 0
