-- Finds schedules whose next slot has come. The transaction has the only writer.
SELECT name, next_at, CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now
FROM evenkeel_schedule
WHERE name IN (SELECT value FROM json_each($1)) AND next_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER) AND NOT paused
ORDER BY name
