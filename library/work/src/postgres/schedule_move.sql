-- Moves schedules to their next slot, in the transaction that adds the jobs of the present one.
UPDATE evenkeel_schedule AS schedule
SET next_at = moved.next_at, last_at = COALESCE(NULLIF(moved.last_at, 0), schedule.last_at)
FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[]) AS moved (name, next_at, last_at)
WHERE schedule.name = moved.name
