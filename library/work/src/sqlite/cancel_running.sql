-- Marks running jobs as cancelled; their worker sees it with its next heartbeat.
UPDATE evenkeel_job SET cancelled = 1 WHERE id IN (SELECT value FROM json_each($1)) AND state = 1 RETURNING id
