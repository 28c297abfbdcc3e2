-- Sets the pause and the limits of a queue. A null keeps the present value, a zero limit removes the limit.
INSERT INTO evenkeel_queue AS kept (queue, paused, max_running, rate_per_second)
VALUES ($1, COALESCE($2, 0), NULLIF($3, 0), NULLIF($4, 0))
ON CONFLICT (queue) DO UPDATE SET
    paused = COALESCE($2, kept.paused),
    max_running = NULLIF(COALESCE($3, kept.max_running), 0),
    rate_per_second = NULLIF(COALESCE($4, kept.rate_per_second), 0)
