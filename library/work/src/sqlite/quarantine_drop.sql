-- Deletes bad records.
DELETE FROM evenkeel_quarantine WHERE id = ANY($1)
