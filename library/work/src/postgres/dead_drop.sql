-- Deletes dead letters that were added as jobs again.
DELETE FROM evenkeel_dead WHERE id = ANY($1::BIGINT[]) AND message_id = ANY($2::TEXT[])
