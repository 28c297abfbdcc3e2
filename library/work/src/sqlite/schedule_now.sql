-- Reads the clock of the host, as the other statements do.
SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now
