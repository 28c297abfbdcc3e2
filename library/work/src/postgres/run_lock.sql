-- Locks a run, and reads its state.
UPDATE evenkeel_run SET moved_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE message_id = $1
RETURNING id, state, turn, undoing, waits_for
