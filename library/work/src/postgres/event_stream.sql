-- Reads the events of a stream behind a version.
SELECT epoch, txid, seq, message_id, stream, version, kind, schema_version, happened_at, payload, trace
FROM evenkeel_event WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3
