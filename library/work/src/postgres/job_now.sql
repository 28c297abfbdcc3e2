-- Lets jobs start now that would start later.
UPDATE evenkeel_job SET run_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE id = ANY($1::BIGINT[]) AND state = 0 AND run_at > CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
RETURNING queue
