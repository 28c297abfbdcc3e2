-- Returns the limits of a queue with the time since the last draw of tokens. The transaction has the only writer.
SELECT max_running, rate_per_second, tokens, CAST(unixepoch('subsec') * 1000000 AS INTEGER) - tokens_at AS since
FROM evenkeel_queue WHERE queue = $1 AND (max_running IS NOT NULL OR rate_per_second IS NOT NULL)
