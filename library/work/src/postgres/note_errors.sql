-- Records the errors of failed attempts.
INSERT INTO evenkeel_job_error (message_id, attempt, happened_at, error)
SELECT job.message_id, job.attempt, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), failed.error
FROM unnest($1::BIGINT[], $2::TEXT[]) AS failed (id, error)
JOIN evenkeel_job AS job ON job.id = failed.id
