-- Copies locked jobs to the dead letters.
INSERT INTO evenkeel_dead
    (message_id, queue, kind, priority, order_key, unique_key, attempts, max_attempts, redrives, reason, error, enqueued_at, died_at, payload, trace)
SELECT job.message_id, job.queue, job.kind, job.priority, job.order_key, job.unique_key, job.attempt, job.max_attempts, job.redrives,
    json_extract($2, '$[' || lost.key || ']'), json_extract($3, '$[' || lost.key || ']'), job.enqueued_at,
    CAST(unixepoch('subsec') * 1000000 AS INTEGER), job.payload, job.trace
FROM json_each($1) AS lost
CROSS JOIN evenkeel_job AS job ON job.id = lost.value
