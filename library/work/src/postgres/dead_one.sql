-- Reads one dead letter.
SELECT id, message_id, queue, kind, reason, error, attempts, redrives, enqueued_at, died_at, payload, trace
FROM evenkeel_dead WHERE id = $1
