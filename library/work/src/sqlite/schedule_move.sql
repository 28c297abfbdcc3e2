-- Moves schedules to their next slot, in the transaction that adds the jobs of the present one.
UPDATE evenkeel_schedule
SET next_at = moved.next_at, last_at = COALESCE(NULLIF(moved.last_at, 0), evenkeel_schedule.last_at)
FROM (
    SELECT value AS name, json_extract($2, '$[' || key || ']') AS next_at, json_extract($3, '$[' || key || ']') AS last_at
    FROM json_each($1)
) AS moved
WHERE evenkeel_schedule.name = moved.name
