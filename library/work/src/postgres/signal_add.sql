-- Stores a signal; the first of its name stays.
INSERT INTO evenkeel_signal (run_id, name, payload, sent_at) VALUES ($1, $2, $3, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))
ON CONFLICT (run_id, name) DO NOTHING
