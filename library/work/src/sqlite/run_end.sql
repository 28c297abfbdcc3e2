-- Ends a run, makes it undo its steps, or stops it until a decision.
UPDATE evenkeel_run
SET state = $2, reason = COALESCE(NULLIF($3, ''), reason), undoing = undoing OR $2 = 2, moved_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE id = $1
