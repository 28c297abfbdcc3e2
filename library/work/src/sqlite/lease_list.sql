-- Lists leases behind a name.
SELECT name, holder, fence, taken_at, MAX(expires_at - CAST(unixepoch('subsec') * 1000000 AS INTEGER), 0) AS left_us
FROM evenkeel_lease WHERE name > $1 ORDER BY name LIMIT $2
