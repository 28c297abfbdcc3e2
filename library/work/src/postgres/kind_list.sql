-- Lists paused kinds.
SELECT kind FROM evenkeel_paused_kind ORDER BY kind LIMIT $1
