//! PostgreSQL and PgBouncer for tests: a server of one test, or a fresh database on a server that the tests of a run share.

mod cluster;
mod private;
mod shared;

pub use private::{PrivatePgBouncer, PrivatePostgres};
pub use shared::FreshDatabase;
