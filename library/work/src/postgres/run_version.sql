-- Moves a run that needs a decision to another version of its ratchet.
UPDATE evenkeel_run SET version = $2 WHERE message_id = $1 AND state = 5
