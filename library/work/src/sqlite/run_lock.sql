-- Locks a run, and reads its state.
UPDATE evenkeel_run SET moved_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE message_id = $1
RETURNING id, state, turn, undoing, waits_for
