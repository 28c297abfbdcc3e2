-- Extends the leases of jobs that are still held, and stores their progress.
WITH held AS MATERIALIZED (
    SELECT job.id, held.progress
    FROM unnest($1::BIGINT[], $2::BIGINT[], $4::TEXT[]) AS held (id, fence, progress)
    JOIN evenkeel_job AS job ON job.id = held.id AND job.fence = held.fence AND job.state = 1
    ORDER BY job.id
    FOR NO KEY UPDATE OF job
)
UPDATE evenkeel_job AS job
SET lease_until = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $3, progress = COALESCE(NULLIF(held.progress, ''), job.progress)
FROM held
WHERE job.id = held.id
RETURNING job.id, job.cancelled
