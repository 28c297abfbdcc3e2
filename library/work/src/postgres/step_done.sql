-- Stores the result of a step.
INSERT INTO evenkeel_step (run_id, name, fingerprint, intent_at, result, done_at)
VALUES ($1, $2, $3, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), $4, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))
ON CONFLICT (run_id, name) DO UPDATE SET result = excluded.result, done_at = excluded.done_at
