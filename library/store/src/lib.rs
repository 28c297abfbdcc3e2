//! SQLite and PostgreSQL behind one interface: migrations, transactions, and the idempotency log.
//!
//! A statement is written once, with `$1, $2` for its values, and is a `&'static str`: no SQL is built from input.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main] async fn main() -> Result<(), evenkeel_store::StoreError> {
//! use evenkeel_store::{Migration, Migrations, Options, Store, StoreError, args};
//!
//! let migrations = Migrations::new(vec![Migration::both(1, "notes", "CREATE TABLE notes (text TEXT NOT NULL)")]);
//! let store = Store::open(&"sqlite::memory:".parse()?, Options::default()).await?;
//! store.migrate(&migrations).await?;
//! store
//!     .write(|tx| {
//!         Box::pin(async move {
//!             tx.execute("INSERT INTO notes (text) VALUES ($1)", args!["hello"]).await?;
//!             Ok::<_, StoreError>(())
//!         })
//!     })
//!     .await?;
//! # Ok(()) }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! - [`Store`]: opens, migrates, reads and writes.
//! - [`Transaction`]: statements that take effect together.
//! - [`OnceOutcome`], [`StoredResponse`], [`Recorded`]: the idempotency log, in the transaction of the effect.
//! - [`StoreUrl`]: which engine, and where.
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `sqlite` | the engine SQLite, built from source: it needs a C compiler | yes |
//! | `postgres` | the engine PostgreSQL, with TLS | yes |
//! | `testing` | `testing`: private PostgreSQL servers for tests; `conformance`: the tests that every engine must pass | no |
//!
//! At least one engine is needed. Tested on Linux with PostgreSQL 15; `testing` needs Unix and an installed PostgreSQL.

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("evenkeel-store needs at least one of its features `sqlite` and `postgres`");

mod checksum;
#[cfg(feature = "testing")]
pub mod conformance;
mod driver;
mod error;
mod idempotency;
mod migrate;
mod migration;
mod options;
mod places;
mod pools;
mod reserved;
mod row;
mod spans;
mod stats;
mod store;
#[cfg(all(feature = "testing", feature = "postgres"))]
pub mod testing;
mod transaction;
mod url;
mod value;

pub use checksum::checksum;
pub use error::{ConstraintKind, StoreError, Violation};
pub use idempotency::{Fingerprint, IdempotencyKey, InvalidKey, OnceOutcome, Recorded, StoredResponse};
pub use migration::{Migration, MigrationError, Migrations, PendingMigration};
pub use options::{Isolation, Options};
#[cfg(feature = "postgres")]
pub use reserved::Notifications;
pub use row::{ColumnError, FromRow, FromValue, Row};
pub use store::{MAX_RETRIES, Store};
pub use transaction::{MAX_AFTER_COMMIT, MAX_ROWS, Transaction};
pub use url::{Engine, StoreUrl};
pub use value::Value;
pub use value::numeric::{InvalidNumeric, Numeric};

pub use sqlx;
pub use uuid;

/// A future in a box, as [`Store::write`], [`Store::read`] and [`Store::once`] take it: `Box::pin(async move { ... })`.
pub use futures_util::future::BoxFuture;
