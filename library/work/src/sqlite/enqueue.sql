-- Adds jobs in the order of the lists. Empty texts and zeros stand for none. A job whose unique key is taken is left out.
INSERT INTO evenkeel_job
    (message_id, queue, kind, priority, order_key, unique_key, max_attempts, run_at, deadline, enqueued_at, payload, trace)
SELECT one.value,
    json_extract($2, '$[' || one.key || ']'),
    json_extract($3, '$[' || one.key || ']'),
    json_extract($4, '$[' || one.key || ']'),
    NULLIF(json_extract($5, '$[' || one.key || ']'), ''),
    NULLIF(json_extract($6, '$[' || one.key || ']'), ''),
    json_extract($7, '$[' || one.key || ']'),
    CASE json_extract($8, '$[' || one.key || ']')
        WHEN 0 THEN CAST(unixepoch('subsec') * 1000000 AS INTEGER) + json_extract($9, '$[' || one.key || ']')
        ELSE json_extract($8, '$[' || one.key || ']') END,
    CASE json_extract($10, '$[' || one.key || ']')
        WHEN 0 THEN NULL
        ELSE CAST(unixepoch('subsec') * 1000000 AS INTEGER) + json_extract($10, '$[' || one.key || ']') END,
    CAST(unixepoch('subsec') * 1000000 AS INTEGER),
    json_extract($11, '$[' || one.key || ']'),
    NULLIF(json_extract($12, '$[' || one.key || ']'), '')
FROM json_each($1) AS one
WHERE TRUE
ORDER BY one.key
ON CONFLICT DO NOTHING
RETURNING id, message_id
