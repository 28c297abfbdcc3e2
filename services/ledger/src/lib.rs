//! Double-entry money: accounts and transfers that must never lose or double a cent.
//!
//! - [`posting`]: moves money between two accounts inside a transaction. The error kernel.
//! - [`account`], [`transfer`], [`payout`], [`receipt`], [`import`], [`destination`], [`forecast`]: the operations that clients call.
//! - [`invariant`]: all entries sum to zero, per currency; every balance is the sum of its entries.
//! - [`moved`], [`daily`]: the event of each posting, and the change of each account by day, which is a projection of the events.
//! - [`partner`]: the partner bank that pays out.
//! - [`page`]: the pages for people.
//! - [`cursor`]: pages of lists.
//! - [`routes`], [`rules`] and [`openapi`]: the API, what differs between its routes, and its description.

pub mod account;
mod amount;
mod api;
mod clock;
pub mod cursor;
pub mod daily;
pub mod destination;
pub mod error;
pub mod forecast;
mod id;
pub mod import;
pub mod invariant;
mod ledger;
mod message;
pub mod migrations;
pub mod moved;
pub mod objectives;
pub mod openapi;
pub mod page;
pub mod partner;
pub mod payout;
pub mod posting;
pub mod receipt;
pub mod rules;
mod settings;
pub mod transfer;
mod workers;

pub use api::routes;
pub use ledger::Ledger;
pub use partner::bank;
pub use settings::Settings;
pub use workers::workers;
