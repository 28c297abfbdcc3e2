-- Finds the jobs that hold unique keys.
SELECT job.kind, job.unique_key, job.id, job.message_id
FROM json_each($1) AS wanted
CROSS JOIN evenkeel_job AS job
    ON job.kind = wanted.value AND job.unique_key = json_extract($2, '$[' || wanted.key || ']')
