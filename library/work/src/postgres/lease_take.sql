-- Takes a lease that is free or over, with a fence above all earlier ones. A lease that is held is not locked.
INSERT INTO evenkeel_lease AS lease (name, holder, fence, taken_at, expires_at)
SELECT $1, $2, 1, now.micros, now.micros + $3
FROM (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS micros) AS now
WHERE NOT EXISTS (SELECT FROM evenkeel_lease AS held WHERE held.name = $1 AND held.expires_at > now.micros)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, fence = lease.fence + 1, taken_at = excluded.taken_at, expires_at = excluded.expires_at
WHERE lease.expires_at <= excluded.taken_at
RETURNING fence
