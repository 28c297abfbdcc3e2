-- Lets jobs start now that would start later.
UPDATE evenkeel_job SET run_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE id IN (SELECT value FROM json_each($1)) AND state = 0 AND run_at > CAST(unixepoch('subsec') * 1000000 AS INTEGER)
RETURNING queue
