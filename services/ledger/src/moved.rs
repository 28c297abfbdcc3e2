//! The event of money that moved.

use evenkeel::work::Event;
use serde::{Deserialize, Serialize};

/// Money has moved from one account to another. Its stream has the id of the transfer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Moved {
    /// Account that was debited.
    pub from: String,
    /// Account that was credited.
    pub to: String,
    /// Minor units.
    pub amount: i64,
    /// Time, in microseconds since 1970.
    pub at: i64,
}

impl Event for Moved {
    const KIND: &'static str = "moved";
}
