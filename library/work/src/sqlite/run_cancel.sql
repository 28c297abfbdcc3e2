-- Requests the cancellation of a run.
UPDATE evenkeel_run SET cancelled = $2 WHERE id = $1
