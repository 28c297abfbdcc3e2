-- Finds dead letters of a queue that are past the retention, and the oldest beyond the bound.
SELECT id FROM evenkeel_dead
WHERE queue = $1 AND (died_at < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) - $2
    OR id <= (SELECT id FROM evenkeel_dead WHERE queue = $1 ORDER BY id DESC LIMIT 1 OFFSET $3))
ORDER BY id LIMIT $4
