-- Deletes the errors of dead letters.
DELETE FROM evenkeel_job_error
WHERE message_id IN (SELECT message_id FROM evenkeel_dead WHERE id = ANY($1::BIGINT[]))
