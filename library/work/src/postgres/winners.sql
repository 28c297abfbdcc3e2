-- Finds the jobs that hold unique keys.
SELECT job.kind, job.unique_key, job.id, job.message_id
FROM unnest($1::TEXT[], $2::TEXT[]) AS wanted (kind, unique_key)
JOIN evenkeel_job AS job ON job.kind = wanted.kind AND job.unique_key = wanted.unique_key
