-- Adds schedules, and sets the next slot of those whose pattern or zone has changed. Others keep theirs.
INSERT INTO evenkeel_schedule AS kept (name, cron, zone, next_at)
SELECT one.value, json_extract($2, '$[' || one.key || ']'), json_extract($3, '$[' || one.key || ']'),
    json_extract($4, '$[' || one.key || ']')
FROM json_each($1) AS one
WHERE TRUE
ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, zone = excluded.zone, next_at = excluded.next_at
WHERE kept.cron <> excluded.cron OR kept.zone <> excluded.zone
