-- Adds dead letters as jobs again, in the order in which they died. One whose unique key is taken is left out.
INSERT INTO evenkeel_job (message_id, queue, kind, priority, order_key, unique_key, max_attempts, redrives, run_at, enqueued_at, payload, trace)
SELECT message_id, queue, kind, priority, order_key, unique_key, max_attempts, redrives + 1,
    CAST(unixepoch('subsec') * 1000000 AS INTEGER), enqueued_at, payload, trace
FROM evenkeel_dead WHERE id IN (SELECT value FROM json_each($1))
ORDER BY id
ON CONFLICT DO NOTHING
RETURNING id, message_id
