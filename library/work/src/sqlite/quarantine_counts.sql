-- Counts bad records by source and reason.
SELECT source, reason, COUNT(*) AS records FROM evenkeel_quarantine GROUP BY source, reason ORDER BY source, reason LIMIT $1
