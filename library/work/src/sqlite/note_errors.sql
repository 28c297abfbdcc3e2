-- Records the errors of failed attempts.
INSERT INTO evenkeel_job_error (message_id, attempt, happened_at, error)
SELECT job.message_id, job.attempt, CAST(unixepoch('subsec') * 1000000 AS INTEGER), json_extract($2, '$[' || failed.key || ']')
FROM json_each($1) AS failed
CROSS JOIN evenkeel_job AS job ON job.id = failed.value
