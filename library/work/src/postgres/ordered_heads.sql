-- Walks order keys from the cursor on and returns the first job of each key, with whether it may start.
WITH RECURSIVE keys AS (
    (SELECT order_key, 1 AS steps FROM evenkeel_job
        WHERE queue = $1 AND order_key > $2 ORDER BY order_key LIMIT 1)
    UNION ALL
    SELECT (SELECT job.order_key FROM evenkeel_job AS job
        WHERE job.queue = $1 AND job.order_key > keys.order_key ORDER BY job.order_key LIMIT 1), keys.steps + 1
    FROM keys WHERE keys.order_key IS NOT NULL AND keys.steps < $3
)
SELECT keys.order_key, head.id, head.state = 0 AND head.run_at <= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AND head.kind = ANY($4::TEXT[])
    AND head.kind NOT IN (SELECT paused.kind FROM evenkeel_paused_kind AS paused) AS is_due
FROM keys
CROSS JOIN LATERAL (
    SELECT job.id, job.state, job.run_at, job.kind FROM evenkeel_job AS job
    WHERE job.queue = $1 AND job.order_key = keys.order_key ORDER BY job.id LIMIT 1
) AS head
WHERE NOT EXISTS (SELECT FROM evenkeel_queue WHERE evenkeel_queue.queue = $1 AND evenkeel_queue.paused)
