-- Deletes jobs that are done, if they are still held under these fences; a row that another transaction changes meanwhile is checked again.
-- The answer is one row of lists. The state has a sum around it, as the index of running jobs may be long with dead entries.
WITH done AS (
    DELETE FROM evenkeel_job AS job
    USING unnest($1::BIGINT[], $2::BIGINT[]) AS held (id, fence)
    WHERE job.id = held.id AND job.fence = held.fence AND job.state + 0 = 1
    RETURNING job.id, job.attempt, job.message_id
)
SELECT array_agg(id) AS id, COALESCE(array_agg(message_id) FILTER (WHERE attempt > 1), '{}') AS retried
FROM done
HAVING COUNT(*) > 0
