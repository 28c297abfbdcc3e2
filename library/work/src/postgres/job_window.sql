-- Reads the end of the range of ids that one page looks at.
SELECT COUNT(*) AS seen, MAX(id) AS last FROM (SELECT id FROM evenkeel_job WHERE id > $1 ORDER BY id LIMIT $2) AS seen
