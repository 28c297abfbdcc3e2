-- Reads the fence and the time left. The transaction is the only writer, and holds off a take-over until its end.
SELECT fence, expires_at - CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS left_us
FROM evenkeel_lease WHERE name = $1
