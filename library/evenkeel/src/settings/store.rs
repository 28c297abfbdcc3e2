//! The settings of a service that has a store.

use std::num::NonZeroU32;
use std::time::Duration;

use ::store::{Options, StoreUrl};
use clap::Args;

use crate::duration::parse_duration;

/// The settings of a service that has a store.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Store")]
#[non_exhaustive]
pub struct StoreSettings {
    /// The database: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE.
    #[arg(
        id = "std.database",
        long = "database-url",
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database: StoreUrl,

    /// Connections to the database. Default: 16 to PostgreSQL, 8 that read SQLite.
    #[arg(id = "std.pool_size", long = "database-pool-size", env = "DATABASE_POOL_SIZE", value_name = "COUNT")]
    pub pool_size: Option<NonZeroU32>,

    /// Timeout of a statement.
    #[arg(
        id = "std.statement_timeout",
        long = "database-statement-timeout",
        env = "DATABASE_STATEMENT_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = parse_duration
    )]
    pub statement_timeout: Duration,

    /// Timeout of a statement that waits for a lock of another transaction (PostgreSQL).
    #[arg(
        id = "std.lock_timeout",
        long = "database-lock-timeout",
        env = "DATABASE_LOCK_TIMEOUT",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = parse_duration
    )]
    pub lock_timeout: Duration,

    /// Retention of the answers to idempotency keys.
    #[arg(
        id = "std.retention",
        long = "idempotency-retention",
        env = "IDEMPOTENCY_RETENTION",
        value_name = "DURATION",
        default_value = "7d",
        value_parser = parse_duration
    )]
    pub idempotency_retention: Duration,

    /// Migration mode: `serve` migrates the schema itself (auto) or refuses to start when it is not up to date (never).
    #[arg(id = "std.migrate", long = "migrate", env = "MIGRATE", value_name = "WHEN", default_value = "auto")]
    pub migrate: Migrate,
}

/// Migration mode of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Migrate {
    /// Migrates at every start.
    Auto,
    /// Migrates only by the subcommand `migrate`.
    Never,
}

impl StoreSettings {
    /// The options of the store that these settings make.
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.connections = self.pool_size.map(NonZeroU32::get);
        options.statement_timeout = self.statement_timeout;
        options.lock_timeout = self.lock_timeout;
        options.idempotency_retention = self.idempotency_retention;
        options
    }
}
