-- Finds jobs that are still held under these fences. The transaction has the only writer.
SELECT job.id, job.attempt, job.max_attempts, job.cancelled
FROM json_each($1) AS held
CROSS JOIN evenkeel_job AS job
    ON job.id = held.value AND job.fence = json_extract($2, '$[' || held.key || ']') AND job.state = 1
ORDER BY job.id
