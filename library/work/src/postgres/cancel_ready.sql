-- Deletes jobs that have not started.
DELETE FROM evenkeel_job WHERE id = ANY($1::BIGINT[]) AND state = 0 RETURNING id, message_id
