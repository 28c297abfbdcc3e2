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

/// Balances of accounts. Without alerts of their own: what breaks them breaks transfers too, which page.
pub fn balances() -> Objective {
    Objective::route("GET /v1/accounts/{id}").named("balances").availability(99.9).without_alerts()
}

/// Questions whether a destination exists: the partner bank answers them, and its outages are outages of these.
pub fn destinations() -> Objective {
    Objective::route("GET /v1/destinations/{destination}").named("destinations").availability(99.0)
}
