-- Begins a turn: earlier drivers of the run write nothing any more. A turn that is not the last one begins nothing.
UPDATE evenkeel_run
SET fence = fence + 1, state = CASE WHEN state = 1 THEN 0 ELSE state END, moved_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE id = $1 AND turn = $2 AND state IN (0, 1, 2)
RETURNING id, message_id, kind, version, state, cancelled, turn, fence, waits_for, reason, input
