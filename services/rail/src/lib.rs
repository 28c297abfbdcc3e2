//! The partner bank of the ledger: idempotent payouts, and a behaviour that can be changed at run time.
//!
//! - [`bank`]: the books: one decision for each key.
//! - [`behaviour`]: how the ledger is answered, and what that is on the wire.
//!
//! Public: `POST /v1/payouts`, `GET /v1/payouts`, `GET /v1/payouts/{key}`, `GET
//! /v1/destinations/{destination}`, `GET /v1/total`. Admin: `GET` and `PUT
//! /behaviour`.
//!
//! ```
//! use rail::bank::{Bank, Decision, Payout};
//!
//! let bank = Bank::default();
//! let payout = Payout { amount: 5, currency: "EUR".to_owned(), destination: "DE02".to_owned() };
//! let first = bank.decide("key", &payout).unwrap();
//! assert!(matches!(first, Decision::Paid { .. }));
//! assert_eq!(bank.decide("key", &payout).unwrap(), first);
//! assert_eq!(bank.total().count, 1);
//! ```

mod api;
pub mod bank;
pub mod behaviour;

pub use api::{Rail, admin_routes, routes};
