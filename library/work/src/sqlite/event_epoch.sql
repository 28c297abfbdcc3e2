-- There is one epoch: numbers of events go on after a restore. Changes nothing.
UPDATE evenkeel_subscription SET epoch = 0 WHERE FALSE
