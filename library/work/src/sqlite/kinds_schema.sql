-- Kinds of jobs that are paused: a row exists for as long as a kind is.
CREATE TABLE evenkeel_paused_kind (kind TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
