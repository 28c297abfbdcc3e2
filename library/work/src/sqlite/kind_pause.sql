-- Pauses a kind.
INSERT INTO evenkeel_paused_kind (kind) VALUES ($1) ON CONFLICT DO NOTHING
