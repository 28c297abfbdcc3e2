-- Makes locked jobs ready again after a delay. The fence rises, so that a write of the attempt that ended is refused.
UPDATE evenkeel_job
SET state = 0, fence = fence + 1, attempt = attempt - again.uncount, run_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + again.delay,
    lease_until = NULL, owner = NULL
FROM (
    SELECT value AS id, json_extract($2, '$[' || key || ']') AS delay, json_extract($3, '$[' || key || ']') AS uncount
    FROM json_each($1)
) AS again
WHERE evenkeel_job.id = again.id
