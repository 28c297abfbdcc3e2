-- Reads the fence and the time left, and holds off a take-over until the end of the transaction.
SELECT fence, expires_at - CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS left_us
FROM evenkeel_lease WHERE name = $1
FOR KEY SHARE
