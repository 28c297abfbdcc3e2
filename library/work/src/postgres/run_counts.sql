-- Counts the runs that have not ended, by kind, version and state.
SELECT run.kind, run.version, run.state, COUNT(*) AS runs,
    COUNT(CASE WHEN run.state <> 5 AND NOT EXISTS (SELECT 1 FROM evenkeel_job AS job WHERE job.id = run.job_id) THEN 1 END) AS stalled
FROM evenkeel_run AS run WHERE run.state IN (0, 1, 2, 5)
GROUP BY run.kind, run.version, run.state ORDER BY run.kind, run.version, run.state LIMIT $1
