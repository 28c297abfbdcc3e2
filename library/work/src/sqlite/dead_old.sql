-- Finds dead letters of a queue that are past the retention, and the oldest beyond the bound.
SELECT id FROM evenkeel_dead
WHERE queue = $1 AND (died_at < CAST(unixepoch('subsec') * 1000000 AS INTEGER) - $2
    OR id <= (SELECT id FROM evenkeel_dead WHERE queue = $1 ORDER BY id DESC LIMIT 1 OFFSET $3))
ORDER BY id LIMIT $4
