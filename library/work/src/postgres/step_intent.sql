-- Stores the intent of a call, unless it is there.
INSERT INTO evenkeel_step (run_id, name, fingerprint, intent_at) VALUES ($1, $2, $3, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))
ON CONFLICT (run_id, name) DO NOTHING
