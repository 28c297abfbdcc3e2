-- Ends a run, makes it undo its steps, or stops it until a decision.
UPDATE evenkeel_run
SET state = $2, reason = COALESCE(NULLIF($3, ''), reason), undoing = undoing OR $2 = 2, moved_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE id = $1
