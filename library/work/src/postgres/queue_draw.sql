-- Stores the tokens that are left after a claim.
UPDATE evenkeel_queue SET tokens = $2, tokens_at = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) WHERE queue = $1
