-- Adds dead letters as jobs again, in the order in which they died. One whose unique key is taken is left out.
INSERT INTO evenkeel_job (message_id, queue, kind, priority, order_key, unique_key, max_attempts, redrives, run_at, enqueued_at, payload, trace)
SELECT message_id, queue, kind, priority, order_key, unique_key, max_attempts, redrives + 1,
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), enqueued_at, payload, trace
FROM (SELECT * FROM evenkeel_dead WHERE id = ANY($1::BIGINT[]) ORDER BY id FOR UPDATE) AS dead
ORDER BY dead.id
ON CONFLICT DO NOTHING
RETURNING id, message_id
