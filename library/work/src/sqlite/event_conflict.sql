-- Never runs: transactions that write run one after the other.
SELECT 1
