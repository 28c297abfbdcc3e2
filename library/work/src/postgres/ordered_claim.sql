-- Claims the first jobs of order keys, those that are still first and whose key has no running job.
WITH now AS MATERIALIZED (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros),
picked AS MATERIALIZED (
    SELECT job.id
    FROM evenkeel_job AS job
    WHERE job.id = ANY($1::BIGINT[]) AND job.state = 0 AND job.run_at <= (SELECT micros FROM now)
        AND NOT EXISTS (
            SELECT FROM evenkeel_job AS other
            WHERE other.queue = job.queue AND other.order_key = job.order_key AND other.id <> job.id
                AND (other.id < job.id OR other.state = 1))
    ORDER BY job.id
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE evenkeel_job AS job
SET state = 1, fence = job.fence + 1, attempt = job.attempt + 1, lease_until = now.micros + $2, owner = $3
FROM picked, now
WHERE job.id = picked.id
RETURNING job.id, job.fence, job.message_id, job.kind, job.priority, job.run_at, job.attempt, job.max_attempts, job.payload, job.trace,
    job.redrives, TRUE AS is_ordered, job.deadline - now.micros AS deadline_in, now.micros - job.run_at AS waited
