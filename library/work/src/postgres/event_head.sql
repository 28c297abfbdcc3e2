-- Reads the position of the last event that can be read.
SELECT epoch, txid, seq FROM evenkeel_event
WHERE (epoch, txid) < ((SELECT MAX(epoch) FROM evenkeel_event_epoch),
    CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT))
ORDER BY epoch DESC, txid DESC, seq DESC
LIMIT 1
