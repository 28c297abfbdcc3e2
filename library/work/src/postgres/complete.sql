-- Deletes jobs that are done, if they are still held under these fences. Rows are locked in the order of their ids.
WITH held AS MATERIALIZED (
    SELECT job.id
    FROM unnest($1::BIGINT[], $2::BIGINT[]) AS held (id, fence)
    JOIN evenkeel_job AS job ON job.id = held.id AND job.fence = held.fence AND job.state = 1
    ORDER BY job.id
    FOR UPDATE OF job
)
DELETE FROM evenkeel_job AS job USING held WHERE job.id = held.id
RETURNING job.id, job.attempt, job.message_id
