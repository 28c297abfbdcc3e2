-- Locks a run under its fence, and reads whether it was cancelled and whether its wait is over.
UPDATE evenkeel_run SET moved_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE id = $1 AND fence = $2 AND state IN (0, 2)
RETURNING cancelled, COALESCE(wake_at, 0) <= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS is_due
