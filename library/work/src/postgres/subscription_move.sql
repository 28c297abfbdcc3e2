-- Moves the cursor of an active subscription, if it is where the caller has read it.
UPDATE evenkeel_subscription
SET epoch = $5, txid = $6, seq = $7, folded = folded + $8, moved_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
WHERE name = $1 AND epoch = $2 AND txid = $3 AND seq = $4 AND state = 0
