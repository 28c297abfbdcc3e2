-- Moves a stream forward by $2 versions, if it has the expected one ($3; -1 for any).
INSERT INTO evenkeel_stream (stream, version)
SELECT $1, $2
WHERE $3 <= 0 OR EXISTS (SELECT 1 FROM evenkeel_stream AS known WHERE known.stream = $1)
ON CONFLICT (stream) DO UPDATE
SET version = version + $2
WHERE $3 = -1 OR version = $3
RETURNING version
