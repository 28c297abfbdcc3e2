//! The input of the run of a payout.

use evenkeel::work::RunInput;
use serde::{Deserialize, Serialize};

/// A payout that was accepted. The id of its run is the id of the payout.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Accepted {
    pub(super) account: String,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) destination: String,
    /// Text for the holder of the destination, sent when the bank has paid.
    #[serde(default)]
    pub(super) advice: Option<String>,
    /// Microseconds since 1970.
    pub(super) at: i64,
    /// The key under which the bank was asked before there were ratchets.
    #[serde(default)]
    pub(super) key: Option<String>,
}

impl RunInput for Accepted {
    const KIND: &'static str = "payout";
}
