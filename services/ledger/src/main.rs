//! The reference service: accounts and transfers that must never lose or double a cent.

use evenkeel::prelude::*;

fn main() -> ExitCode {
    Service::new(build_info!())
        .about("Double-entry money: accounts, transfers, and payouts through a partner bank")
        .settings::<ledger::Settings>()
        .store(ledger::migrations::all())
        .dependency(ledger::partner::NAME, ledger::bank)
        .routes(ledger::routes)
        // A silent bank is no overload: its bulkhead bounds them, and they take no places from other routes.
        .routes_with(|limits| limits.objective = None, ledger::bank_routes)
        .objective(ledger::objectives::transfers())
        .objective(ledger::objectives::payouts())
        .objective(ledger::objectives::balances())
        .openapi(ledger::openapi::document)
        .admin_routes(ledger::invariant::routes)
        .background("payouts", ledger::payout::worker::run)
        .main()
}
