-- Lists the errors of a job, the last one first.
SELECT attempt, happened_at, error FROM evenkeel_job_error WHERE message_id = $1 ORDER BY happened_at DESC, attempt DESC LIMIT $2
