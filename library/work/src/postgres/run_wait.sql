-- Begins the wait of a step, or goes on with it; reads its end.
UPDATE evenkeel_run
SET wake_at = CASE WHEN waits_for = $2 THEN wake_at ELSE CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $3 END, waits_for = $2
WHERE id = $1
RETURNING wake_at
