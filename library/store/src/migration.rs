//! The schema's steps: ordered, applied once, never changed after.

pub(crate) mod apply;
mod error;
#[cfg(feature = "postgres")]
pub(crate) mod index;
pub(crate) mod log;
mod step;
pub(crate) mod turn;

pub use apply::PendingMigration;
pub use error::MigrationError;
pub use step::{Migration, Migrations};
