//! The reference service: accounts and transfers that must never lose or double a cent.

use evenkeel::prelude::*;

fn main() -> ExitCode {
    Service::new(build_info!())
        .about("Double-entry money: accounts, transfers, and payouts through a partner bank")
        .settings::<ledger::Settings>()
        .store(ledger::migrations::all())
        .dependency(ledger::partner::NAME, ledger::bank)
        .routes(ledger::routes)
        .bulkhead(ledger::rules::FORECASTS, ledger::rules::FORECAST_PLACES)
        .route(ledger::rules::forecasts())
        .route(ledger::rules::account_list())
        .route(ledger::rules::entry_list())
        .route(ledger::rules::transfer_list())
        .route(ledger::rules::payout_list())
        .route(ledger::rules::accounts())
        .route(ledger::rules::transfers())
        .route(ledger::rules::payouts())
        .route(ledger::rules::receipts())
        .objective(ledger::objectives::transfers())
        .objective(ledger::objectives::payouts())
        .objective(ledger::objectives::balances())
        .objective(ledger::objectives::destinations())
        .openapi(ledger::openapi::document)
        .admin_routes(ledger::invariant::routes)
        .admin_routes(ledger::daily::routes)
        .background("projections", ledger::daily::run)
        .background("receipt-expiry", ledger::receipt::expiry::run)
        .jobs(ledger::workers)
        .main()
}
