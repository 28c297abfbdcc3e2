-- Copies locked jobs to the dead letters.
INSERT INTO evenkeel_dead
    (message_id, queue, kind, priority, order_key, unique_key, attempts, max_attempts, redrives, reason, error, enqueued_at, died_at, payload, trace)
SELECT job.message_id, job.queue, job.kind, job.priority, job.order_key, job.unique_key, job.attempt, job.max_attempts, job.redrives,
    lost.reason, lost.error, job.enqueued_at, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), job.payload, job.trace
FROM unnest($1::BIGINT[], $2::TEXT[], $3::TEXT[]) AS lost (id, reason, error)
JOIN evenkeel_job AS job ON job.id = lost.id
