-- Deletes dead letters that were added as jobs again.
DELETE FROM evenkeel_dead
WHERE id IN (SELECT value FROM json_each($1)) AND message_id IN (SELECT value FROM json_each($2))
