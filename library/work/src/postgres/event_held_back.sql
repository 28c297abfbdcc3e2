-- Counts events that are committed and cannot be read yet, at most $1, and finds the transaction that holds them back.
SELECT COUNT(*) AS held_back,
    COALESCE(MAX(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) - happened_at), 0) AS oldest_us,
    COALESCE((SELECT 'process ' || pid || ' of ' || COALESCE(NULLIF(application_name, ''), 'an unnamed application')
            || ' in the database ' || COALESCE(datname, '?')
        FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY age(backend_xid) DESC LIMIT 1), '') AS culprit
FROM (
    SELECT happened_at FROM evenkeel_event
    WHERE (epoch, txid) >= ((SELECT MAX(epoch) FROM evenkeel_event_epoch),
        CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT))
    LIMIT $1
) AS late
