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

/// The change of each account by day, and an event for each transfer that was made before there were events.
const DAILY_BALANCES: &str = r#"
CREATE TABLE daily_balances (
    account_id TEXT NOT NULL,
    day TEXT NOT NULL,
    change BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    PRIMARY KEY (account_id, day)
);
INSERT INTO evenkeel_stream (stream, version) SELECT id, 1 FROM transfers;
INSERT INTO evenkeel_event (message_id, stream, version, kind, schema_version, happened_at, payload)
    SELECT 'evt_' || id, id, 1, 'moved', 1, created_at,
        '{"from":"' || from_account || '","to":"' || to_account || '","amount":' || amount || ',"at":' || created_at || '}'
    FROM transfers ORDER BY created_at, id;
"#;

/// The same on PostgreSQL.
const DAILY_BALANCES_POSTGRES: &str = r#"
CREATE TABLE daily_balances (
    account_id TEXT NOT NULL,
    day TEXT NOT NULL,
    change BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    PRIMARY KEY (account_id, day)
);
INSERT INTO evenkeel_stream (stream, version, txid)
    SELECT id, 1, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) FROM transfers;
INSERT INTO evenkeel_event (epoch, message_id, stream, version, kind, schema_version, happened_at, payload)
    SELECT (SELECT MAX(epoch) FROM evenkeel_event_epoch), 'evt_' || id, id, 1, 'moved', 1, created_at,
        '{"from":"' || from_account || '","to":"' || to_account || '","amount":' || amount || ',"at":' || created_at || '}'
    FROM transfers ORDER BY created_at, id;
"#;

/// A run in the place of each job of a payout. The bank knows these payouts by their ids.
const PAYOUT_RUNS: &str = r#"
INSERT INTO evenkeel_run (message_id, kind, version, turn, input, started_at, moved_at)
    SELECT id, 'payout', 1, 1, '{"account":"' || account_id || '","amount":' || amount || ',"currency":"' || currency
        || '","destination":"' || destination || '","at":' || created_at || ',"key":"' || id || '"}', created_at, created_at
    FROM payouts WHERE state = 'pending' ORDER BY created_at, id;
INSERT INTO evenkeel_job (message_id, queue, kind, priority, max_attempts, run_at, enqueued_at, payload)
    SELECT 'msg_run_' || message_id, 'ratchets', 'evenkeel_run_turn', 5, 20, 0, started_at, '{"run":' || id || ',"turn":1}'
    FROM evenkeel_run WHERE kind = 'payout';
UPDATE evenkeel_run SET job_id = (SELECT id FROM evenkeel_job WHERE message_id = 'msg_run_' || evenkeel_run.message_id)
    WHERE kind = 'payout';
DELETE FROM evenkeel_job WHERE kind = 'payout';
"#;

/// Receipts; those past their time are found by their age.
const RECEIPTS: &str = "
CREATE TABLE receipts (
    id TEXT PRIMARY KEY,
    transfer_id TEXT NOT NULL REFERENCES transfers (id),
    destination TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX receipts_age ON receipts (created_at);
";

/// The accounts of imports, by the references of their importers.
const IMPORTED_ACCOUNTS: &str = "
CREATE TABLE imported_accounts (
    reference TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id)
);
";

/// The checksum of a transfer's other columns; none for those that were made before.
const TRANSFER_CHECKSUMS: &str = "ALTER TABLE transfers ADD COLUMN checksum BIGINT";

/// Every step, oldest first.
pub fn all() -> Migrations {
    evenkeel::cursors::add_schema(evenkeel::sessions::add_schema(evenkeel::work::add_schema(steps())))
}

/// The ledger's own steps, oldest first.
pub fn steps() -> Vec<Migration> {
    vec![
        Migration::both(1, "accounts", ACCOUNTS),
        Migration::both(2, "transfers and entries", TRANSFERS),
        Migration::both(3, "payouts", PAYOUTS),
        Migration::both(4, "payout jobs", PAYOUT_JOBS),
        Migration::both(5, "daily balances", DAILY_BALANCES).on_postgres(DAILY_BALANCES_POSTGRES),
        Migration::both(6, "payout runs", PAYOUT_RUNS),
        Migration::both(7, "receipts", RECEIPTS),
        Migration::both(8, "imported accounts", IMPORTED_ACCOUNTS),
        Migration::both(9, "checksums of transfers", TRANSFER_CHECKSUMS),
    ]
}
