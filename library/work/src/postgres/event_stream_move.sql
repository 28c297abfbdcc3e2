-- Moves a stream forward by $2 versions, if it has the expected one ($3; -1 for any) and no later transaction has written it.
INSERT INTO evenkeel_stream AS stream (stream, version, txid)
SELECT $1, $2, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)
WHERE $3 <= 0 OR EXISTS (SELECT FROM evenkeel_stream AS known WHERE known.stream = $1)
ON CONFLICT (stream) DO UPDATE
SET version = stream.version + $2, txid = excluded.txid
WHERE ($3 = -1 OR stream.version = $3) AND stream.txid <= excluded.txid
RETURNING version
