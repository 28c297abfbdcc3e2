-- Reads the steps of a run.
SELECT name, fingerprint, intent_at, result, done_at, undone_at FROM evenkeel_step WHERE run_id = $1 ORDER BY intent_at, name
