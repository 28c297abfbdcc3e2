//! It is always safe to kill: what was acknowledged is there once, nothing is there twice, and each posting is folded once.

use crate::bank::{Clients, Ledger};
use crate::payers::{Bank, Payer};
use evenkeel::store::testing::PrivatePostgres;

/// Kills of a test of `make test`.
const SIX: u64 = 6;
/// Kills of a test of `make test-long`.
const TWENTY: u64 = 20;
/// Acknowledged transfers between two kills.
const BETWEEN_KILLS: u64 = 100;

/// Transfers, payouts and the projection of both, with a ledger that is killed again and again.
fn killed(kills: u64, database: &str) {
    let bank = Bank::start();
    let mut ledger = Ledger::start_with(database, &bank.url);
    let (clients, payer) = (Clients::start(&ledger), Payer::start(&ledger));
    for kill in 1..=kills {
        clients.wait_for(kill * BETWEEN_KILLS);
        ledger.kill_and_start_again();
    }
    let payouts = payer.stop_and_check(&ledger, &bank);
    // Each payout is two transfers: to the money in flight, and out of it.
    let transfers = clients.stop_and_check_beside(&ledger, 2 * payouts);
    println!("{transfers} transfers and {payouts} payouts acknowledged over {kills} kills");
    assert!(payouts > 0);
}

fn killed_on_sqlite(kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    killed(kills, &format!("sqlite:{}/ledger.db", folder.path().display()));
}

fn killed_on_postgresql(kills: u64) {
    let postgres = PrivatePostgres::start();
    killed(kills, &postgres.url_text());
}

fn killed_behind_pgbouncer(kills: u64) {
    let postgres = PrivatePostgres::start();
    killed(kills, &postgres.behind_pgbouncer().url_text());
}

#[test]
fn a_ledger_killed_six_times_at_full_speed_loses_and_doubles_nothing_on_sqlite() {
    killed_on_sqlite(SIX);
}

#[test]
fn a_ledger_killed_six_times_at_full_speed_loses_and_doubles_nothing_on_postgresql() {
    killed_on_postgresql(SIX);
}

#[test]
fn a_ledger_killed_six_times_at_full_speed_loses_and_doubles_nothing_behind_pgbouncer() {
    killed_behind_pgbouncer(SIX);
}

#[test]
#[ignore = "long: run by make test-long"]
fn a_ledger_killed_twenty_times_at_full_speed_loses_and_doubles_nothing_on_sqlite() {
    killed_on_sqlite(TWENTY);
}

#[test]
#[ignore = "long: run by make test-long"]
fn a_ledger_killed_twenty_times_at_full_speed_loses_and_doubles_nothing_on_postgresql() {
    killed_on_postgresql(TWENTY);
}

#[test]
#[ignore = "long: run by make test-long"]
fn a_ledger_killed_twenty_times_at_full_speed_loses_and_doubles_nothing_behind_pgbouncer() {
    killed_behind_pgbouncer(TWENTY);
}
