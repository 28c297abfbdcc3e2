-- Marks running jobs as cancelled; their worker sees it with its next heartbeat.
UPDATE evenkeel_job SET cancelled = TRUE WHERE id = ANY($1::BIGINT[]) AND state = 1 RETURNING id
