-- Marks a step as undone.
UPDATE evenkeel_step SET undone_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) WHERE run_id = $1 AND name = $2
