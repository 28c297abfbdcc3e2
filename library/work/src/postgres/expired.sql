-- Locks running jobs whose lease is over.
SELECT job.id, job.attempt, job.max_attempts, job.cancelled
FROM evenkeel_job AS job
WHERE job.queue = $1 AND job.state = 1 AND job.lease_until < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
ORDER BY job.id
LIMIT $2
FOR UPDATE SKIP LOCKED
