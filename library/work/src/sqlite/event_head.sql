-- Reads the position of the last event.
SELECT 0 AS epoch, 0 AS txid, seq FROM evenkeel_event ORDER BY seq DESC LIMIT 1
