//! Payouts: money that leaves through the partner bank, which may be silent for a long time.
//!
//! A payout is accepted in one transaction: the money moves from the account to the ledger's own account of payouts in flight, and the answer is
//! recorded: always 202 with `pending`, because that is true when the transaction commits, and stays true for a repetition a week later. The
//! outcome is at the `Location`. The same transaction starts a run of the [`ratchet`], whose job begins at once, so that a healthy bank has paid
//! before most clients look; it calls the bank under one idempotency key until the bank accepts or refuses.

mod accepted;
mod advise;
mod own;
mod pay;
pub mod ratchet;
mod record;
pub mod requests;
pub mod state;

pub use record::Payout;
pub use requests::NewPayout;
pub use state::PayoutState;
