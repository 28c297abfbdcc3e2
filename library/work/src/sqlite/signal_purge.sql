-- Deletes the signals of runs.
DELETE FROM evenkeel_signal WHERE run_id = ANY($1)
