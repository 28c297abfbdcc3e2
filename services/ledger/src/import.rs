//! Accounts that are imported as lines of CSV: good ones are opened, bad ones go to the quarantine with their reason.
//!
//! - [`requests`]: the operation that imports, and the operators' routes: what became of a reference, the quarantine, and the retry of a record.
//! - [`record`]: the rules of a record.
//! - [`stats`]: how many records were good and bad.

pub mod record;
pub mod requests;
pub mod stats;
