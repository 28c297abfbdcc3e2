//! Rules of the routes that differ from the others.

use evenkeel::prelude::*;

/// The bulkhead of forecasts, which compute for milliseconds each.
pub const FORECASTS: &str = "forecasts";
/// Forecasts at a time, those that wait for a thread included: more would only wait for longer.
pub const FORECAST_PLACES: u32 = 8;

/// Forecasts: a storm of them leaves the processors to transfers.
pub const fn forecasts() -> RouteRules {
    RouteRules::of("GET /v1/accounts/{id}/forecast").bulkhead(FORECASTS)
}

/// The list of accounts.
pub const fn account_list() -> RouteRules {
    list("GET /v1/accounts")
}

/// The list of transfers.
pub const fn transfer_list() -> RouteRules {
    list("GET /v1/transfers")
}

/// The list of the entries of an account.
pub const fn entry_list() -> RouteRules {
    list("GET /v1/accounts/{id}/entries")
}

/// The list of payouts.
pub const fn payout_list() -> RouteRules {
    list("GET /v1/payouts")
}

/// New accounts.
pub const fn accounts() -> RouteRules {
    effect("POST /v1/accounts")
}

/// New transfers.
pub const fn transfers() -> RouteRules {
    effect("POST /v1/transfers")
}

/// New payouts.
pub const fn payouts() -> RouteRules {
    effect("POST /v1/payouts")
}

/// New receipts.
pub const fn receipts() -> RouteRules {
    effect("POST /v1/receipts")
}

/// Imports of accounts.
pub const fn imports() -> RouteRules {
    effect("POST /v1/imports")
}

/// A list. Its rows are ids and numbers, and none of them repeats a text of a request: their compressed length tells nothing.
const fn list(route: &'static str) -> RouteRules {
    RouteRules::of(route).compress()
}

/// A route whose requests take effect once, with a small body of JSON.
const fn effect(route: &'static str) -> RouteRules {
    RouteRules::of(route).media_types(&["application/json"]).idempotency_key().body_bytes(16 * 1024)
}
