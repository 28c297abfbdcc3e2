-- Adds events to a stream behind the version $2, in the order of the lists. An empty trace stands for none.
INSERT INTO evenkeel_event (epoch, message_id, stream, version, kind, schema_version, happened_at, payload, trace)
SELECT (SELECT MAX(epoch) FROM evenkeel_event_epoch), message_id, $1, $2 + place, kind, CAST(schema_version AS INTEGER),
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT), payload, NULLIF(trace, '')
FROM unnest($3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[]) WITH ORDINALITY
    AS new (message_id, kind, schema_version, payload, trace, place)
ORDER BY place
