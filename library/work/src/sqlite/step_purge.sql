-- Deletes the steps of runs.
DELETE FROM evenkeel_step WHERE run_id = ANY($1)
