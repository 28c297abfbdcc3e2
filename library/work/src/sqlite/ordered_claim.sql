-- Claims the first jobs of order keys, those that are still first and whose key has no running job.
UPDATE evenkeel_job
SET state = 1, fence = fence + 1, attempt = attempt + 1, lease_until = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + $2, owner = $3
WHERE id IN (SELECT value FROM json_each($1)) AND state = 0 AND run_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER)
    AND NOT EXISTS (
        SELECT 1 FROM evenkeel_job AS other
        WHERE other.queue = evenkeel_job.queue AND other.order_key = evenkeel_job.order_key AND other.id <> evenkeel_job.id
            AND (other.id < evenkeel_job.id OR other.state = 1))
RETURNING id, fence, message_id, kind, priority, run_at, attempt, max_attempts, payload, trace,
    redrives, 1 AS is_ordered, deadline - CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS deadline_in, CAST(unixepoch('subsec') * 1000000 AS INTEGER) - run_at AS waited
