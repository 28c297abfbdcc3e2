-- Deletes ready jobs without an order key, a lane a priority, each from its floor on, and returns them as one row of lists.
-- A queue that is paused or has limits is left out.
WITH now AS MATERIALIZED (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros),
picked AS MATERIALIZED (
    SELECT ready.place
    FROM unnest($3::BIGINT[], $4::BIGINT[], $5::BIGINT[]) AS lane (priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT job.ctid AS place
        FROM evenkeel_job AS job
        WHERE job.queue = $1 AND job.state = 0 AND job.order_key IS NULL AND job.priority = lane.priority
            AND (job.run_at, job.id) > (lane.run_at, lane.id)
            AND job.run_at <= (SELECT micros FROM now) AND (job.deadline IS NULL OR job.deadline > (SELECT micros FROM now))
            AND job.kind = ANY(ARRAY(
                SELECT handled FROM unnest($6::TEXT[]) AS handled
                WHERE handled NOT IN (SELECT paused.kind FROM evenkeel_paused_kind AS paused)))
            AND NOT EXISTS (
            SELECT FROM evenkeel_queue AS rules
            WHERE rules.queue = $1 AND (rules.paused OR rules.max_running IS NOT NULL OR rules.rate_per_second IS NOT NULL))
        ORDER BY job.run_at, job.id
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) AS ready
    LIMIT $2
),
-- The rows are locked: none of them moves to another place before this deletes it.
taken AS (
    DELETE FROM evenkeel_job AS job
    USING picked, now
    WHERE job.ctid = picked.place
    RETURNING job.id, job.fence, job.message_id, job.kind, job.priority, job.run_at, job.attempt, job.max_attempts, job.payload,
        job.trace, job.redrives, job.deadline, now.micros
)
SELECT array_agg(id) AS id, array_agg(fence) AS fence, array_agg(message_id) AS message_id, array_agg(kind) AS kind,
    array_agg(CAST(priority AS BIGINT)) AS priority, array_agg(run_at) AS run_at, array_agg(CAST(attempt + 1 AS BIGINT)) AS attempt,
    array_agg(CAST(max_attempts AS BIGINT)) AS max_attempts, array_agg(payload) AS payload, array_agg(COALESCE(trace, '')) AS trace,
    array_agg(CAST(redrives AS BIGINT)) AS redrives,
    array_agg(CASE WHEN deadline IS NULL THEN -1 ELSE GREATEST(deadline - micros, 0) END) AS deadline_in,
    array_agg(micros - run_at) AS waited
FROM taken
HAVING COUNT(*) > 0
