-- Walks order keys from the cursor on and returns the first job of each key, with whether it may start.
WITH RECURSIVE keys (order_key, steps) AS (
    SELECT * FROM (SELECT order_key, 1 FROM evenkeel_job
        WHERE queue = $1 AND order_key > $2 ORDER BY order_key LIMIT 1)
    UNION ALL
    SELECT (SELECT job.order_key FROM evenkeel_job AS job
        WHERE job.queue = $1 AND job.order_key > keys.order_key ORDER BY job.order_key LIMIT 1), keys.steps + 1
    FROM keys WHERE keys.order_key IS NOT NULL AND keys.steps < $3
)
SELECT keys.order_key, head.id,
    head.state = 0 AND head.run_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER) AND head.kind IN (SELECT value FROM json_each($4))
        AND head.kind NOT IN (SELECT paused.kind FROM evenkeel_paused_kind AS paused) AS is_due
FROM keys
JOIN evenkeel_job AS head ON head.id = (
    SELECT job.id FROM evenkeel_job AS job
    WHERE job.queue = $1 AND job.order_key = keys.order_key ORDER BY job.id LIMIT 1)
WHERE NOT EXISTS (SELECT 1 FROM evenkeel_queue WHERE evenkeel_queue.queue = $1 AND evenkeel_queue.paused)
