-- Lists leases behind a name.
SELECT name, holder, fence, taken_at,
    GREATEST(expires_at - CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), 0) AS left_us
FROM evenkeel_lease WHERE name > $1 ORDER BY name LIMIT $2
