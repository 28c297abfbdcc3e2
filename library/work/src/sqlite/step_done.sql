-- Stores the result of a step.
INSERT INTO evenkeel_step (run_id, name, fingerprint, intent_at, result, done_at)
VALUES ($1, $2, $3, CAST(unixepoch('subsec') * 1000000 AS INTEGER), $4, CAST(unixepoch('subsec') * 1000000 AS INTEGER))
ON CONFLICT (run_id, name) DO UPDATE SET result = excluded.result, done_at = excluded.done_at
