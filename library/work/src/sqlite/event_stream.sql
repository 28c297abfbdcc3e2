-- Reads the events of a stream behind a version.
SELECT 0 AS epoch, 0 AS txid, seq, message_id, stream, version, kind, schema_version, happened_at, payload, trace
FROM evenkeel_event WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3
