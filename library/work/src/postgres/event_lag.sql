-- Counts events behind a position and up to another one, at most $7, with the age of the first.
SELECT COUNT(*) AS behind,
    COALESCE(MAX(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) - happened_at), 0) AS oldest_us
FROM (
    SELECT happened_at FROM evenkeel_event
    WHERE (epoch, txid, seq) > ($1, $2, $3) AND (epoch, txid, seq) <= ($4, $5, $6)
    ORDER BY epoch, txid, seq LIMIT $7
) AS late
