-- Deletes locked jobs.
DELETE FROM evenkeel_job WHERE id = ANY($1::BIGINT[])
