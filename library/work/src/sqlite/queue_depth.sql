-- Reads the depth of a queue. Ready jobs are counted up to a bound, so that a backlog does not make this slow.
SELECT
    (SELECT COUNT(*) FROM (SELECT 1 FROM evenkeel_job WHERE queue = $1 AND state = 0 AND run_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER) LIMIT $2) AS due) AS ready,
    (SELECT COUNT(*) FROM (SELECT 1 FROM evenkeel_job WHERE queue = $1 AND state = 0 AND run_at > CAST(unixepoch('subsec') * 1000000 AS INTEGER) LIMIT $2) AS later) AS scheduled,
    (SELECT COUNT(*) FROM evenkeel_job WHERE queue = $1 AND state = 1) AS running,
    (SELECT COUNT(*) FROM (SELECT 1 FROM evenkeel_dead WHERE queue = $1 LIMIT $2) AS dead) AS dead,
    (SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) - MIN(run_at) FROM (SELECT run_at FROM evenkeel_job
        WHERE queue = $1 AND state = 0 AND run_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER) LIMIT $2) AS oldest) AS oldest,
    (SELECT COUNT(*) FROM evenkeel_queue WHERE queue = $1 AND paused) AS paused
