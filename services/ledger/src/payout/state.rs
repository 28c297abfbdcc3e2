//! State machine of a payout.

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

/// The bank's last word on a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The bank paid.
    Yes,
    /// The bank refused, and never will pay under this key.
    No,
}

impl PayoutState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Paid, Self::Refused];

    /// The state after the bank's word; none where no word is waited for any more.
    pub fn after(self, word: Word) -> Option<Self> {
        match (self, word) {
            (Self::Pending, Word::Yes) => Some(Self::Paid),
            (Self::Pending, Word::No) => Some(Self::Refused),
            (Self::Paid | Self::Refused, _) => None,
        }
    }

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
    fn only_a_pending_payout_changes_state_and_a_final_one_stays() {
        assert_eq!(PayoutState::Pending.after(Word::Yes), Some(PayoutState::Paid));
        assert_eq!(PayoutState::Pending.after(Word::No), Some(PayoutState::Refused));
        for last in [PayoutState::Paid, PayoutState::Refused] {
            assert_eq!((last.after(Word::Yes), last.after(Word::No)), (None, None));
        }
    }

    #[test]
    fn every_state_is_read_as_it_was_stored_and_an_unknown_one_is_an_error() {
        for state in PayoutState::ALL {
            assert_eq!(PayoutState::of(state.name()).unwrap(), state);
        }
        assert!(PayoutState::of("sent").is_err());
    }
}
