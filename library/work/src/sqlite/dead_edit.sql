-- Replaces the payload of a dead letter.
UPDATE evenkeel_dead SET payload = $2 WHERE id = $1
