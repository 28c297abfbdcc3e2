-- Pauses or resumes a schedule.
UPDATE evenkeel_schedule SET paused = $2 WHERE name = $1
