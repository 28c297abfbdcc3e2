-- Halts a subscription (2) with a reason, or marks it as done (3), if its cursor is where the caller has read it.
UPDATE evenkeel_subscription
SET state = $5, reason = NULLIF($6, ''), moved_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
WHERE name = $1 AND epoch = $2 AND txid = $3 AND seq = $4 AND state = 0
