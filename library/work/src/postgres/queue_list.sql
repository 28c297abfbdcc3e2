-- Lists the queues that have been paused or limited once.
SELECT queue, paused, max_running, rate_per_second FROM evenkeel_queue ORDER BY queue LIMIT $1
