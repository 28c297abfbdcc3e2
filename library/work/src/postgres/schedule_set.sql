-- Adds schedules, and sets the next slot of those whose pattern or zone has changed. Others keep theirs.
INSERT INTO evenkeel_schedule AS kept (name, cron, zone, next_at)
SELECT name, cron, zone, next_at FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[]) AS new (name, cron, zone, next_at)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, zone = excluded.zone, next_at = excluded.next_at
WHERE kept.cron <> excluded.cron OR kept.zone <> excluded.zone
