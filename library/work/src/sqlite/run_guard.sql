-- Locks a run under its fence, and reads whether it was cancelled and whether its wait is over.
UPDATE evenkeel_run SET moved_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE id = $1 AND fence = $2 AND state IN (0, 2)
RETURNING cancelled, COALESCE(wake_at, 0) <= CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS is_due
