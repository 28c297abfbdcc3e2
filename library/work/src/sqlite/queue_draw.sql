-- Stores the tokens that are left after a claim.
UPDATE evenkeel_queue SET tokens = $2, tokens_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) WHERE queue = $1
