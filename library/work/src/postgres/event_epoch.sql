-- Begins a new epoch when the log has an event of a transaction that this cluster has not begun yet: it was restored from a dump.
INSERT INTO evenkeel_event_epoch (epoch, begun_at)
SELECT known.epoch + 1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
FROM (SELECT MAX(epoch) AS epoch FROM evenkeel_event_epoch) AS known
WHERE EXISTS (
    SELECT FROM evenkeel_event AS event
    WHERE event.epoch = known.epoch
        AND event.txid >= CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT))
ON CONFLICT DO NOTHING
