-- Adds events to a stream behind the version $2, in the order of the lists. An empty trace stands for none.
INSERT INTO evenkeel_event (message_id, stream, version, kind, schema_version, happened_at, payload, trace)
SELECT one.value, $1, $2 + 1 + one.key,
    json_extract($4, '$[' || one.key || ']'),
    json_extract($5, '$[' || one.key || ']'),
    CAST(unixepoch('subsec') * 1000000 AS INTEGER),
    json_extract($6, '$[' || one.key || ']'),
    NULLIF(json_extract($7, '$[' || one.key || ']'), '')
FROM json_each($3) AS one
ORDER BY one.key
