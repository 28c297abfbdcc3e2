-- Locks the limits of a queue, so that its claims take turns, and returns them with the time since the last draw of tokens.
SELECT max_running, rate_per_second, tokens, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) - tokens_at AS since
FROM evenkeel_queue WHERE queue = $1 AND (max_running IS NOT NULL OR rate_per_second IS NOT NULL)
FOR UPDATE
