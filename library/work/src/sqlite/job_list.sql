-- Lists jobs with an id in a range. Empty texts stand for any queue, kind or state.
SELECT * FROM (
    SELECT id, message_id, queue, kind, priority, order_key, unique_key, attempt, max_attempts, redrives, run_at, deadline, lease_until, owner,
        progress, enqueued_at,
        CASE WHEN state = 1 AND cancelled THEN 'cancelled' WHEN state = 1 THEN 'running'
            WHEN run_at > CAST(unixepoch('subsec') * 1000000 AS INTEGER) THEN 'scheduled' ELSE 'ready' END AS state
    FROM evenkeel_job
    WHERE id > $1 AND id <= $2
) AS listed
WHERE ($3 = '' OR queue = $3) AND ($4 = '' OR kind = $4) AND ($5 = '' OR state = $5)
ORDER BY id LIMIT $6
