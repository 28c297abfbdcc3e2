-- Adds a run, unless there is one of this message id.
INSERT INTO evenkeel_run (message_id, kind, version, input, started_at, moved_at)
VALUES ($1, $2, $3, $4, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER))
ON CONFLICT (message_id) DO NOTHING
RETURNING id
