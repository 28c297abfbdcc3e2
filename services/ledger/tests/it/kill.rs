//! It is always safe to kill: what was acknowledged is there once, and nothing is there twice.

use crate::bank::{Clients, Ledger};
use evenkeel::store::testing::PrivatePostgres;

const KILLS: u64 = 20;
/// Acknowledged transfers between two kills.
const BETWEEN_KILLS: u64 = 100;

fn killed_twenty_times(database: &str) {
    let mut ledger = Ledger::start(database);
    let clients = Clients::start(&ledger);
    for kill in 1..=KILLS {
        clients.wait_for(kill * BETWEEN_KILLS);
        ledger.kill_and_start_again();
    }
    println!("{} transfers acknowledged over {KILLS} kills", clients.stop_and_check(&ledger));
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
