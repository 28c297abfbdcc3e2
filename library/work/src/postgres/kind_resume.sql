-- Resumes a kind.
DELETE FROM evenkeel_paused_kind WHERE kind = $1
