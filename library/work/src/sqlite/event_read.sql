-- Reads events behind a position and up to another one, in their order.
SELECT 0 AS epoch, 0 AS txid, seq, message_id, stream, version, kind, schema_version, happened_at, payload, trace
FROM evenkeel_event
WHERE seq > $3 AND seq <= $6 AND $1 >= 0 AND $2 >= 0 AND $4 >= 0 AND $5 >= 0
ORDER BY seq
LIMIT $7
