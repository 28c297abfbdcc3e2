-- Claims ready jobs without an order key, a lane a priority, each from its floor on. Fences only rise. A queue with limits
-- is left out unless the transaction holds its row ($9).
WITH now AS MATERIALIZED (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros),
picked AS MATERIALIZED (
    SELECT ready.id
    FROM unnest($5::BIGINT[], $6::BIGINT[], $7::BIGINT[]) AS lane (priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT job.id
        FROM evenkeel_job AS job
        WHERE job.queue = $1 AND job.state = 0 AND job.order_key IS NULL AND job.priority = lane.priority
            AND (job.run_at, job.id) > (lane.run_at, lane.id)
            AND job.run_at <= (SELECT micros FROM now)
            AND job.kind = ANY(ARRAY(
                SELECT handled FROM unnest($8::TEXT[]) AS handled
                WHERE handled NOT IN (SELECT paused.kind FROM evenkeel_paused_kind AS paused)))
            AND NOT EXISTS (
            SELECT FROM evenkeel_queue AS rules
            WHERE rules.queue = $1 AND (rules.paused
                OR NOT $9 AND (rules.max_running IS NOT NULL OR rules.rate_per_second IS NOT NULL)))
        ORDER BY job.run_at, job.id
        LIMIT $2
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS ready
    LIMIT $2
)
UPDATE evenkeel_job AS job
SET state = 1, fence = job.fence + 1, attempt = job.attempt + 1, lease_until = now.micros + $3, owner = $4
FROM picked, now
WHERE job.id = picked.id
RETURNING job.id, job.fence, job.message_id, job.kind, job.priority, job.run_at, job.attempt, job.max_attempts, job.payload, job.trace,
    job.redrives, FALSE AS is_ordered, job.deadline - now.micros AS deadline_in, now.micros - job.run_at AS waited
