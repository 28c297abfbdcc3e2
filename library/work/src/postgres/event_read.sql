-- Reads events behind a position and up to another one, in their order. Those of transactions that may have earlier ones beside them are
-- left for later: all transactions below the xmin of the snapshot have ended.
SELECT epoch, txid, seq, message_id, stream, version, kind, schema_version, happened_at, payload, trace
FROM evenkeel_event
WHERE (epoch, txid, seq) > ($1, $2, $3) AND (epoch, txid, seq) <= ($4, $5, $6)
    AND (epoch, txid) < ((SELECT MAX(epoch) FROM evenkeel_event_epoch),
        CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT))
ORDER BY epoch, txid, seq
LIMIT $7
