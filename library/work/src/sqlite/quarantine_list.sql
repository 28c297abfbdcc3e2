-- Lists bad records of a source behind an id.
SELECT id, source, record_key, reason, record, seized_at FROM evenkeel_quarantine WHERE source = $1 AND id > $2 ORDER BY id LIMIT $3
