-- Reads the payload of a job.
SELECT payload, trace FROM evenkeel_job WHERE id = $1
