-- Extends the leases of jobs that are still held, and stores their progress.
UPDATE evenkeel_job
SET lease_until = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + $3,
    progress = COALESCE(NULLIF((SELECT json_extract($4, '$[' || held.key || ']') FROM json_each($1) AS held WHERE held.value = evenkeel_job.id), ''), progress)
WHERE id IN (SELECT value FROM json_each($1)) AND state = 1
    AND (id, fence) IN (SELECT held.value, json_extract($2, '$[' || held.key || ']') FROM json_each($1) AS held)
RETURNING id, cancelled
