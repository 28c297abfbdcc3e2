-- Deletes the errors of jobs that are done.
DELETE FROM evenkeel_job_error WHERE message_id = ANY($1::TEXT[])
