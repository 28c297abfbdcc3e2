-- Finds running jobs whose lease is over.
SELECT job.id, job.attempt, job.max_attempts, job.cancelled
FROM evenkeel_job AS job
WHERE job.queue = $1 AND job.state = 1 AND job.lease_until < CAST(unixepoch('subsec') * 1000000 AS INTEGER)
ORDER BY job.id
LIMIT $2
