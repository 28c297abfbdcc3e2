-- Deletes jobs that are done, if they are still held under these fences.
DELETE FROM evenkeel_job
WHERE id IN (SELECT value FROM json_each($1)) AND state = 1
    AND (id, fence) IN (SELECT held.value, json_extract($2, '$[' || held.key || ']') FROM json_each($1) AS held)
RETURNING id, attempt, message_id
