-- No event is held back: transactions that write run one after the other.
SELECT 0 AS held_back, 0 AS oldest_us, '' AS culprit WHERE $1 > 0
