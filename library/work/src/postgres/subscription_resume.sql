-- Makes a paused or halted subscription active.
UPDATE evenkeel_subscription SET state = 0, reason = NULL WHERE name = $1 AND state IN (1, 2)
