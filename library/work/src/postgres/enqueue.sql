-- Adds jobs in the order of the lists. Empty texts and zeros stand for none. A job whose unique key is taken is left out.
INSERT INTO evenkeel_job
    (message_id, queue, kind, priority, order_key, unique_key, max_attempts, run_at, deadline, enqueued_at, payload, trace)
SELECT message_id, queue, kind, CAST(priority AS SMALLINT), NULLIF(order_key, ''), NULLIF(unique_key, ''),
    CAST(max_attempts AS INTEGER),
    CASE WHEN run_at = 0 THEN now.micros + delay ELSE run_at END,
    CASE WHEN within = 0 THEN NULL ELSE now.micros + within END,
    now.micros, payload, NULLIF(trace, '')
FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[], $8::BIGINT[],
        $9::BIGINT[], $10::BIGINT[], $11::TEXT[], $12::TEXT[]) WITH ORDINALITY
    AS new (message_id, queue, kind, priority, order_key, unique_key, max_attempts, run_at, delay, within, payload, trace, place),
    (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros) AS now
ORDER BY place
ON CONFLICT DO NOTHING
RETURNING id, message_id
