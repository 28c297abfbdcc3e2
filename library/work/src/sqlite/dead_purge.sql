-- Deletes dead letters.
DELETE FROM evenkeel_dead WHERE id IN (SELECT value FROM json_each($1))
