-- Marks a step as undone.
UPDATE evenkeel_step SET undone_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) WHERE run_id = $1 AND name = $2
