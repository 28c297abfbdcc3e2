-- Deletes runs that have ended.
DELETE FROM evenkeel_run WHERE id = ANY($1)
