//! It is always safe to kill: what was acknowledged is there once, nothing is there twice, and each posting is folded once.

use crate::bank::{Clients, Ledger};
use crate::payers::{Bank, Payer};
use evenkeel::store::testing::PrivatePostgres;

const KILLS: u64 = 20;
/// Acknowledged transfers between two kills.
const BETWEEN_KILLS: u64 = 100;

/// Transfers, payouts and the projection of both, with a ledger that is killed again and again.
fn killed_twenty_times(database: &str) {
    let bank = Bank::start();
    let mut ledger = Ledger::start_with(database, &bank.url);
    let (clients, payer) = (Clients::start(&ledger), Payer::start(&ledger));
    for kill in 1..=KILLS {
        clients.wait_for(kill * BETWEEN_KILLS);
        ledger.kill_and_start_again();
    }
    let payouts = payer.stop_and_check(&ledger, &bank);
    // Each payout is two transfers: to the money in flight, and out of it.
    let transfers = clients.stop_and_check_beside(&ledger, 2 * payouts);
    println!("{transfers} transfers and {payouts} payouts acknowledged over {KILLS} kills");
    assert!(payouts > 0);
}

#[test]
fn a_ledger_killed_twenty_times_at_full_speed_loses_and_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    killed_twenty_times(&format!("sqlite:{}/ledger.db", folder.path().display()));
}

#[test]
fn a_ledger_killed_twenty_times_at_full_speed_loses_and_doubles_nothing_on_postgresql() {
    let postgres = PrivatePostgres::start();
    killed_twenty_times(&postgres.url_text());
}

#[test]
fn a_ledger_killed_twenty_times_at_full_speed_loses_and_doubles_nothing_behind_pgbouncer() {
    let postgres = PrivatePostgres::start();
    killed_twenty_times(&postgres.behind_pgbouncer().url_text());
}
