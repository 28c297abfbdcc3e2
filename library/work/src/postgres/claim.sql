-- Claims ready jobs without an order key, a lane a priority, each from its floor on. Fences only rise. A queue with limits
-- is left out unless the transaction holds its row ($9). The answer is one row of lists: a row a job costs the client several times as much.
WITH now AS MATERIALIZED (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros),
picked AS MATERIALIZED (
    SELECT ready.place
    FROM unnest($5::BIGINT[], $6::BIGINT[], $7::BIGINT[]) AS lane (priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT job.ctid AS place
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
),
-- The rows are locked: none of them moves to another place before this changes it.
claimed AS (
    UPDATE evenkeel_job AS job
    SET state = 1, fence = job.fence + 1, attempt = job.attempt + 1, lease_until = now.micros + $3, owner = $4
    FROM picked, now
    WHERE job.ctid = picked.place
    RETURNING job.id, job.fence, job.message_id, job.kind, job.priority, job.run_at, job.attempt, job.max_attempts, job.payload,
        job.trace, job.redrives, job.deadline, now.micros
)
SELECT array_agg(id) AS id, array_agg(fence) AS fence, array_agg(message_id) AS message_id, array_agg(kind) AS kind,
    array_agg(CAST(priority AS BIGINT)) AS priority, array_agg(run_at) AS run_at, array_agg(CAST(attempt AS BIGINT)) AS attempt,
    array_agg(CAST(max_attempts AS BIGINT)) AS max_attempts, array_agg(payload) AS payload, array_agg(COALESCE(trace, '')) AS trace,
    array_agg(CAST(redrives AS BIGINT)) AS redrives,
    array_agg(CASE WHEN deadline IS NULL THEN -1 ELSE GREATEST(deadline - micros, 0) END) AS deadline_in,
    array_agg(micros - run_at) AS waited
FROM claimed
HAVING COUNT(*) > 0
