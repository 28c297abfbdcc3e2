-- Deletes the errors of jobs that are done.
DELETE FROM evenkeel_job_error WHERE message_id IN (SELECT value FROM json_each($1))
