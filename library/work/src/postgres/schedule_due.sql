-- Locks schedules whose next slot has come. Another process that fires one of them is not waited for.
SELECT name, next_at, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now
FROM evenkeel_schedule
WHERE name = ANY($1::TEXT[]) AND next_at <= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AND NOT paused
ORDER BY name
FOR UPDATE SKIP LOCKED
