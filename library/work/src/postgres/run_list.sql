-- Lists runs of a kind in a state (-1 for all that have not ended), behind an id.
SELECT run.id, run.message_id, run.kind, run.version, run.state, run.undoing, run.waits_for, run.wake_at, run.reason, run.started_at, run.moved_at,
    run.state IN (0, 1, 2) AND NOT EXISTS (SELECT 1 FROM evenkeel_job AS job WHERE job.id = run.job_id) AS stalled
FROM evenkeel_run AS run
WHERE run.kind = $1 AND (run.state = $2 OR $2 = -1 AND run.state IN (0, 1, 2, 5)) AND run.id > $3
ORDER BY run.id LIMIT $4
