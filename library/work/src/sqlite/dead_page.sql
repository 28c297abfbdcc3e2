-- Lists dead letters of all queues behind an id, without their payloads.
SELECT id, message_id, queue, kind, reason, error, attempts, redrives, enqueued_at, died_at, '' AS payload, CAST(NULL AS TEXT) AS trace
FROM evenkeel_dead WHERE id > $1 ORDER BY id LIMIT $2
