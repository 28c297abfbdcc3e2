-- Adds a subscription, unless it is there.
INSERT INTO evenkeel_subscription (name, epoch, txid, seq, until_epoch, until_txid, until_seq, moved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))
ON CONFLICT DO NOTHING
