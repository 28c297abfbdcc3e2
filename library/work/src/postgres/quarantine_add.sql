-- Adds a bad record.
INSERT INTO evenkeel_quarantine (source, record_key, reason, record, seized_at)
VALUES ($1, $2, $3, $4, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))
