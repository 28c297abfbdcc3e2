-- Deletes locked jobs.
DELETE FROM evenkeel_job WHERE id IN (SELECT value FROM json_each($1))
