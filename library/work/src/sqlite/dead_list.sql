-- Lists dead letters of a queue behind an id.
SELECT id, message_id, queue, kind, reason, error, attempts, redrives, enqueued_at, died_at, payload, trace
FROM evenkeel_dead WHERE queue = $1 AND id > $2 ORDER BY id LIMIT $3
