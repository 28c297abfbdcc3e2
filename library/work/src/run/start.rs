//! Starts runs in the caller's transaction.
//!
//! The functions are not cancel-safe, as statements of a transaction are not: when the future of one is dropped, return an error from the
//! transaction.

use ::store::{Transaction, args};

use super::RunInput;
use super::id::check_id;
use super::state::RunState;
use super::turn::{Begin, Turn, hand_on};
use crate::error::{Refusal, WorkError};
use crate::statement::{Statement, statement};

const START: Statement = statement!("run_start");
/// Maximum size of the input of a run in bytes of JSON.
pub const MAX_INPUT: usize = 64 << 10;

/// A run in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Started {
    /// The message id of the run: signals and levers name it.
    pub message_id: String,
    /// True when there is a run of this message id: nothing was added.
    pub is_duplicate: bool,
}

/// Starts a run in the transaction, with a random message id: it exists when the transaction commits, and never otherwise.
///
/// # Errors
/// [`WorkError::Refused`] when the input is no JSON or longer than [`MAX_INPUT`], else the store's.
pub async fn start<I: RunInput>(tx: &mut Transaction, input: &I) -> Result<Started, WorkError> {
    start_as(tx, &vitals::new_id("run"), input).await
}

/// As [`start`], once for a message id of 1 to 100 visible ASCII characters: such as `payout-17` for the payout of that order.
///
/// # Errors
/// As [`start`]; [`Refusal::Run`] for a message id of other characters.
pub async fn start_as<I: RunInput>(tx: &mut Transaction, message_id: &str, input: &I) -> Result<Started, WorkError> {
    let kind = || I::KIND.to_owned();
    check_id(message_id)?;
    let input = serde_json::to_string(input).map_err(|cause| Refusal::Payload { kind: kind(), cause })?;
    if input.len() > MAX_INPUT {
        let bytes = input.len();
        return Err(Refusal::TooLong { part: "input", kind: kind(), bytes, bound: MAX_INPUT }.into());
    }
    let values = args![message_id, I::KIND, I::VERSION, input];
    let row = tx.fetch_optional(START.on(tx.engine()), values).await?;
    if let Some(row) = &row {
        let turn = Turn { run: row.get("id")?, turn: 1 };
        hand_on(tx, turn, RunState::Ready, Begin::Now).await?;
    }
    Ok(Started { message_id: message_id.to_owned(), is_duplicate: row.is_none() })
}
