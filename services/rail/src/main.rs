//! The partner bank of the ledger, which can be told to misbehave.
fn main() {}
