-- Reads a run. It is stalled when its job is gone, as after a dead letter.
SELECT run.id, run.message_id, run.kind, run.version, run.state, run.undoing, run.waits_for, run.wake_at, run.reason, run.started_at, run.moved_at,
    run.state IN (0, 1, 2) AND NOT EXISTS (SELECT 1 FROM evenkeel_job AS job WHERE job.id = run.job_id) AS stalled
FROM evenkeel_run AS run WHERE run.message_id = $1
