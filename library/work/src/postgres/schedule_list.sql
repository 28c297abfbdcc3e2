-- Lists all schedules.
SELECT name, cron, zone, next_at, last_at, paused FROM evenkeel_schedule ORDER BY name
