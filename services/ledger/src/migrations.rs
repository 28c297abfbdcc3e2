//! The schema, on both engines.

use evenkeel::prelude::*;

const ACCOUNTS: &str = "
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    currency TEXT NOT NULL,
    overdraft BIGINT NOT NULL CHECK (overdraft >= 0),
    balance BIGINT NOT NULL,
    internal BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK (balance >= -overdraft)
);
CREATE INDEX accounts_page ON accounts (created_at, id);
";

const TRANSFERS: &str = "
CREATE TABLE transfers (
    id TEXT PRIMARY KEY,
    from_account TEXT NOT NULL REFERENCES accounts (id),
    to_account TEXT NOT NULL REFERENCES accounts (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX transfers_page ON transfers (created_at, id);
CREATE TABLE entries (
    transfer_id TEXT NOT NULL REFERENCES transfers (id),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    amount BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (transfer_id, account_id)
);
CREATE INDEX entries_page ON entries (account_id, created_at, transfer_id);
";

const PAYOUTS: &str = "
CREATE TABLE payouts (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    destination TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX payouts_page ON payouts (created_at, id);
CREATE INDEX payouts_due ON payouts (state, next_attempt_at);
";

/// A job for each payout that waited when jobs came to the ledger. The columns `attempts` and `next_attempt_at` have no use since.
const PAYOUT_JOBS: &str = r#"
INSERT INTO evenkeel_job (message_id, queue, kind, priority, max_attempts, run_at, enqueued_at, payload)
    SELECT 'msg_' || id, 'payouts', 'payout', 5, 1000, 0, created_at, '{"payout":"' || id || '"}'
    FROM payouts WHERE state = 'pending';
DROP INDEX payouts_due;
"#;

/// Every step, oldest first.
pub fn all() -> Migrations {
    let own = vec![
        Migration::both(1, "accounts", ACCOUNTS),
        Migration::both(2, "transfers and entries", TRANSFERS),
        Migration::both(3, "payouts", PAYOUTS),
        Migration::both(4, "payout jobs", PAYOUT_JOBS),
    ];
    evenkeel::sessions::add_schema(evenkeel::work::add_schema(own))
}
