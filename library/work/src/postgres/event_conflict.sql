-- Fails as a serialization conflict: a later transaction has written the stream, so that this one has to run again.
DO $$ BEGIN RAISE EXCEPTION 'a later transaction has written the stream' USING ERRCODE = 'serialization_failure'; END $$
