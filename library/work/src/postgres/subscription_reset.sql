-- Moves a subscription to the begin of the log, and makes it active.
UPDATE evenkeel_subscription
SET epoch = 0, txid = 0, seq = 0, state = 0, reason = NULL, folded = 0, moved_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE name = $1
