//! The objectives of the ledger: what its users notice first.

use std::time::Duration;

use evenkeel::prelude::*;

/// Transfers: the reason why the ledger exists.
pub fn transfers() -> Objective {
    Objective::route("POST /v1/transfers").named("transfers").availability(99.95).p99(Duration::from_millis(500))
}

/// Requests for a payout are taken also while the bank is away.
pub fn payouts() -> Objective {
    Objective::route("POST /v1/payouts").named("payouts").availability(99.9)
}

/// Balances of accounts.
pub fn balances() -> Objective {
    Objective::route("GET /v1/accounts/{id}").named("balances").availability(99.9)
}
