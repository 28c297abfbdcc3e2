-- Adds a run, unless there is one of this message id.
INSERT INTO evenkeel_run (message_id, kind, version, input, started_at, moved_at)
VALUES ($1, $2, $3, $4, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))
ON CONFLICT (message_id) DO NOTHING
RETURNING id
