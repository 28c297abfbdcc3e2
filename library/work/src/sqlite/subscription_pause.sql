-- Pauses an active subscription.
UPDATE evenkeel_subscription SET state = 1, reason = NULL WHERE name = $1 AND state = 0
