-- Finds runs that ended before a time.
SELECT id FROM evenkeel_run
WHERE state IN (3, 4, 6) AND moved_at < CAST(unixepoch('subsec') * 1000000 AS INTEGER) - $1
ORDER BY moved_at LIMIT $2
