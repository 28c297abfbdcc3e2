//! States of a payout.

use evenkeel::prelude::*;
use evenkeel::store::ColumnError;
use evenkeel::utoipa;
use serde::Serialize;

/// State of a payout. `Pending` until the bank has accepted or refused it; the other two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PayoutState {
    /// Accepted by the ledger; the bank has not decided. The money is in flight.
    Pending,
    /// The bank has paid: the money has left.
    Paid,
    /// The bank has refused: the money is back.
    Refused,
}

impl PayoutState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Paid, Self::Refused];

    /// Returns the stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Refused => "refused",
        }
    }

    /// The state of this name.
    ///
    /// # Errors
    /// [`StoreError::Column`] for another: to take it for any of ours could pay twice.
    pub fn of(name: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| StoreError::Column {
            column: "state".to_owned(),
            cause: ColumnError::invalid(format!(
                "{name:?} is no state of a payout; is a newer ledger at work on the same store?"
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_as_it_was_stored_and_an_unknown_one_is_an_error() {
        for state in PayoutState::ALL {
            assert_eq!(PayoutState::of(state.name()).unwrap(), state);
        }
        assert!(PayoutState::of("sent").is_err());
    }
}
