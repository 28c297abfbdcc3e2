-- Deletes jobs that have not started.
DELETE FROM evenkeel_job WHERE id IN (SELECT value FROM json_each($1)) AND state = 0 RETURNING id, message_id
