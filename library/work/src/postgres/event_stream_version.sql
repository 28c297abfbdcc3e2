-- Reads the last version of a stream.
SELECT version FROM evenkeel_stream WHERE stream = $1
