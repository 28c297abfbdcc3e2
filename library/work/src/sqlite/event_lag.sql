-- Counts events behind a position and up to another one, at most $7, with the age of the first.
SELECT COUNT(*) AS behind, COALESCE(MAX(CAST(unixepoch('subsec') * 1000000 AS INTEGER) - happened_at), 0) AS oldest_us
FROM (
    SELECT happened_at FROM evenkeel_event
    WHERE seq > $3 AND seq <= $6 AND $1 >= 0 AND $2 >= 0 AND $4 >= 0 AND $5 >= 0
    ORDER BY seq LIMIT $7
) AS late
