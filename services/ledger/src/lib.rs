//! Double-entry money: accounts and transfers that must never lose or double a cent.
//!
//! - [`posting`]: moves money between two accounts inside a transaction. The error kernel.
//! - [`account`], [`transfer`], [`payout`], [`destination`], [`forecast`]: what clients ask for.
//! - [`invariant`]: all entries sum to zero, per currency; every balance is the sum of its entries.
//! - [`page`]: the one page for people.
//! - [`cursor`]: how lists are paged.
//! - [`openapi`]: the API's description.

use evenkeel::client::{Check, Endpoints, default_rules};
use evenkeel::prelude::*;
use evenkeel::resilience::hedge::HedgeRules;
use evenkeel::resilience::{CpuPool, Rules};
use evenkeel::utoipa;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub mod account;
mod amount;
pub mod cursor;
pub mod destination;
pub mod error;
pub mod forecast;
mod id;
pub mod invariant;
pub mod migrations;
pub mod openapi;
pub mod page;
pub mod payout;
pub mod posting;
pub mod transfer;

/// The ledger's own settings.
#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    /// The partner bank that pays out.
    ///
    /// One URL; several with commas between; dns+http://NAME:PORT, srv+http://NAME or file+http:///PATH for instances that are looked
    /// up again and again.
    #[arg(long, env = "RAIL_URL", value_name = "http://HOST:PORT", default_value = "http://127.0.0.1:9300")]
    pub rail_url: Endpoints,
}

/// The partner bank, as it is called: guarded by every default, and asked twice where it is slower than it mostly is.
pub fn bank(settings: &Settings) -> Dependency {
    let rules = Rules { hedge: Some(HedgeRules::default()), ..default_rules() };
    Dependency::http(settings.rail_url.clone()).rules(rules).checked(Check::at("/livez"))
}

/// What handlers work with.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Accounts, entries, payouts.
    pub store: Store,
    /// The partner bank.
    pub bank: destination::Bank,
    /// Threads for what computes.
    pub cpu: CpuPool,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Ledger", description = "Double-entry money: accounts, transfers, payouts."),
    components(schemas(openapi::ProblemDocument))
)]
struct Document;

fn api() -> OpenApiRouter<Ledger> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(account::open, account::list))
        .routes(routes!(account::one))
        .routes(routes!(account::entries))
        .routes(routes!(forecast::look))
        .routes(routes!(transfer::make, transfer::list))
        .routes(routes!(transfer::one))
        .routes(routes!(payout::ask, payout::list))
        .routes(routes!(payout::one))
        .routes(routes!(destination::look))
}

/// The public routes: the API and the page.
pub fn routes(context: &Context<Settings>) -> Router {
    let (api, _document) = api().split_for_parts();
    let (store, bank) = (context.store().clone(), destination::Bank::of(context));
    api.merge(page::routes()).with_state(Ledger { store, bank, cpu: context.cpu().clone() })
}

/// Microseconds since 1970, now.
pub(crate) fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A moment as RFC 3339.
pub(crate) fn timestamp(micros: i64) -> String {
    let since = std::time::Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    evenkeel::telemetry::logs::Timestamp(std::time::UNIX_EPOCH + since).to_string()
}
