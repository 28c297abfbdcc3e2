-- Counts the running jobs of a queue.
SELECT COUNT(*) AS running FROM evenkeel_job WHERE queue = $1 AND state = 1
