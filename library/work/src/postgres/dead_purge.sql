-- Deletes dead letters.
DELETE FROM evenkeel_dead WHERE id = ANY($1::BIGINT[])
