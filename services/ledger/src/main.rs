//! The reference service: accounts and transfers that must never lose or double a cent.
fn main() {}
