-- Reads a signal.
SELECT payload FROM evenkeel_signal WHERE run_id = $1 AND name = $2
