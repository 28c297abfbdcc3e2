//! The ledger's own settings.

use std::time::Duration;

use evenkeel::client::Endpoints;
use evenkeel::parse_duration;
use evenkeel::sessions::SessionSettings;

/// The ledger's own settings.
#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    /// The partner bank that pays out.
    ///
    /// One URL; several with commas between; dns+http://NAME:PORT, srv+http://NAME or file+http:///PATH for instances that are looked
    /// up again and again.
    #[arg(long, env = "RAIL_URL", value_name = "http://HOST:PORT", default_value = "http://127.0.0.1:9300")]
    pub rail_url: Endpoints,

    /// Time for which receipts are kept.
    #[arg(long, env = "RECEIPT_RETENTION", value_name = "DURATION", default_value = "90d", value_parser = parse_duration)]
    pub receipt_retention: Duration,

    /// Time between two checks of the invariants of the books.
    #[arg(long, env = "INVARIANTS_EVERY", value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub invariants_every: Duration,

    /// The sessions of the page.
    #[command(flatten)]
    pub sessions: SessionSettings,
}
