//! The partner bank of the ledger, which can be told to misbehave.

use evenkeel::prelude::*;

fn main() -> ExitCode {
    let bank = rail::Bank::default();
    let admin = bank.clone();
    Service::new(build_info!())
        .about("A partner bank that pays out once for each key, and misbehaves when its admin listener is told to")
        .routes(|_context| rail::routes(bank))
        .admin_routes(|_context| rail::admin_routes(admin))
        .main()
}
