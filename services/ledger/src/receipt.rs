//! Receipts of transfers: sent to a destination by a background job, and kept for a set time.
//!
//! - [`requests`]: the operations that clients call.
//! - [`send`]: the job that sends a receipt. What the bank refuses becomes a dead letter; an operator can mend its destination and redrive it.
//! - [`expiry`]: receipts expire after RECEIPT_RETENTION.

pub mod expiry;
pub mod requests;
pub mod send;
