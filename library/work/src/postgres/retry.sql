-- Makes locked jobs ready again after a delay. The fence rises, so that a write of the attempt that ended is refused.
UPDATE evenkeel_job AS job
SET state = 0, fence = job.fence + 1, attempt = job.attempt - CAST(again.uncount AS INTEGER),
    run_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + again.delay, lease_until = NULL, owner = NULL
FROM unnest($1::BIGINT[], $2::BIGINT[], $3::BIGINT[]) AS again (id, delay, uncount)
WHERE job.id = again.id
