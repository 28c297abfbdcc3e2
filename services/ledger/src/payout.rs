//! Payouts: money that leaves through the partner bank, which may be silent for as long as it likes.
//!
//! A payout is accepted in one transaction: the money moves from the account to the ledger's own account of payouts in
//! flight, and the answer is recorded: always 202 with `pending`, because that is what is true when the transaction
//! commits, and what stays true for a repetition a week later. What became of it is at the `Location`. The [`worker`] is
//! nudged at once, so that a bank that is well has paid before most clients look; it asks with the payout's id as
//! idempotency key until the bank says yes or no.

mod own;
mod record;
pub mod requests;
pub mod state;
pub mod worker;

pub use record::Payout;
pub use requests::NewPayout;
pub use state::PayoutState;
