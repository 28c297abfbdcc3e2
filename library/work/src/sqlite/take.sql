-- Deletes ready jobs without an order key, a lane a priority, each from its floor on, and returns them.
-- A queue that is paused or has limits is left out.
DELETE FROM evenkeel_job
WHERE id IN (
    SELECT job.id
    FROM json_each($3) AS lane
    CROSS JOIN evenkeel_job AS job INDEXED BY evenkeel_job_ready
        ON job.queue = $1 AND job.state = 0 AND job.order_key IS NULL AND job.priority = lane.value
    WHERE (job.run_at, job.id) > (json_extract($4, '$[' || lane.key || ']'), json_extract($5, '$[' || lane.key || ']'))
        AND job.run_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER) AND (job.deadline IS NULL OR job.deadline > CAST(unixepoch('subsec') * 1000000 AS INTEGER))
        AND job.kind IN (
            SELECT value FROM json_each($6) WHERE value NOT IN (SELECT paused.kind FROM evenkeel_paused_kind AS paused))
        AND NOT EXISTS (
            SELECT 1 FROM evenkeel_queue AS rules
            WHERE rules.queue = $1 AND (rules.paused OR rules.max_running IS NOT NULL OR rules.rate_per_second IS NOT NULL))
    LIMIT $2
)
RETURNING id, fence, message_id, kind, priority, run_at, attempt + 1 AS attempt, max_attempts, payload, trace,
    redrives, 0 AS is_ordered, deadline - CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS deadline_in, CAST(unixepoch('subsec') * 1000000 AS INTEGER) - run_at AS waited
