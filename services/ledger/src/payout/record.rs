//! A payout as the store keeps it and clients see it.

use evenkeel::prelude::*;
use evenkeel::{store, utoipa};
use serde::Serialize;

use super::state::PayoutState;
use crate::clock::timestamp;
use crate::cursor::Position;

/// A payout.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Payout {
    /// Its id; cannot be guessed.
    pub id: String,
    /// The account the money left.
    pub account: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Destination at the bank.
    pub destination: String,
    /// State of the payout.
    pub status: PayoutState,
    /// RFC 3339.
    pub created_at: String,
}

/// Reads a payout from its row, with its position in the list.
pub(super) fn read(row: &store::Row) -> Result<(Position, Payout), StoreError> {
    let (id, created_at): (String, i64) = (row.get("id")?, row.get("created_at")?);
    let payout = Payout {
        id: id.clone(),
        account: row.get("account_id")?,
        amount: row.get("amount")?,
        currency: row.get("currency")?,
        destination: row.get("destination")?,
        status: PayoutState::of(&row.get::<String>("state")?)?,
        created_at: timestamp(created_at),
    };
    Ok((Position { created_at, id }, payout))
}
