-- Hands a run on to its next turn: the job that drives it, and its state.
UPDATE evenkeel_run SET turn = $2, job_id = $3, state = $4, moved_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) WHERE id = $1
