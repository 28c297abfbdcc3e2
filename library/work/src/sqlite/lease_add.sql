-- Adds a lease that is free, unless there is one of this name.
INSERT INTO evenkeel_lease (name, holder, fence, taken_at, expires_at) VALUES ($1, '', 0, 0, 0)
ON CONFLICT DO NOTHING
