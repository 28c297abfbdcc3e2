-- Reads a subscription.
SELECT name, epoch, txid, seq, until_epoch, until_txid, until_seq, state, reason, folded, moved_at
FROM evenkeel_subscription WHERE name = $1
