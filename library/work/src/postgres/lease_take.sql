-- Takes a lease that is free or over, with a fence above all earlier ones. A lease that is held is not locked.
UPDATE evenkeel_lease
SET holder = $2, fence = fence + 1, taken_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT),
    expires_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $3
WHERE name = $1 AND expires_at <= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
RETURNING fence
