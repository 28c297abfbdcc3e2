-- Locks jobs that are still held under these fences, in the order of their ids.
SELECT job.id, job.attempt, job.max_attempts, job.cancelled
FROM unnest($1::BIGINT[], $2::BIGINT[]) AS held (id, fence)
JOIN evenkeel_job AS job ON job.id = held.id AND job.fence = held.fence AND job.state = 1
ORDER BY job.id
FOR UPDATE OF job
