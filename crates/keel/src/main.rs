//! The command line of the prover.
fn main() {}
