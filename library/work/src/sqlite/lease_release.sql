-- Gives a lease back. The fence stays, so that the next one is higher.
UPDATE evenkeel_lease SET expires_at = 0 WHERE name = $1 AND fence = $2
