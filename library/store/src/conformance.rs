//! The conformance suite of the engines: what a store must do on every one of them, as cases with names.
//!
//! Run it on another version of an engine, another pooler or a managed database:
//!
//! ```
//! # use evenkeel_store::conformance::{CASES, Engines};
//! # #[cfg(feature = "sqlite")]
//! # async fn example() {
//! for case in CASES.iter().filter(|case| case.engines != Engines::Postgres) {
//!     println!("{}", case.name);
//!     let folder = tempfile::tempdir().unwrap();
//!     // Each case takes an empty database.
//!     case.run(format!("sqlite:{}/x.db", folder.path().display()).parse().unwrap()).await;
//! }
//! # }
//! ```
//!
//! A case panics where the store does not do what it must. Cases need a runtime of several threads. [`for_each_conformance_case`] makes
//! a test of each.
//!
//! [`for_each_conformance_case`]: crate::for_each_conformance_case
#![allow(clippy::unwrap_used, reason = "a case that panics says where")]

mod bench;
mod cancellation;
mod constraints;
mod idempotency;
mod isolation;
mod list;
mod lists;
mod migrations;
mod numbers;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;
mod texts;
mod transactions;
mod values;

use futures_util::future::BoxFuture;

use crate::StoreUrl;

/// The engines that a case is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engines {
    /// Every one.
    Every,
    /// SQLite alone.
    Sqlite,
    /// PostgreSQL alone, directly and behind a pooler.
    Postgres,
}

/// One thing that a store must do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, a sentence.
    pub name: &'static str,
    /// The engines that it is for.
    pub engines: Engines,
    run: fn(StoreUrl) -> BoxFuture<'static, ()>,
}

impl Case {
    /// Runs the case on an empty database.
    ///
    /// # Panics
    /// When the store does not do what it must.
    pub async fn run(&self, url: StoreUrl) {
        (self.run)(url).await;
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("engines", &self.engines).finish_non_exhaustive()
    }
}

/// Finds a case by its name.
pub fn find(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

macro_rules! list {
    (every { $($every:ident :: $of_every:ident,)* } sqlite { $($sqlite:ident :: $of_sqlite:ident,)* }
     postgres { $($postgres:ident :: $of_postgres:ident,)* }) => {
        /// Every case.
        pub const CASES: &[Case] = &[
            $(Case {
                name: stringify!($of_every),
                engines: Engines::Every,
                run: |url| Box::pin($every::$of_every(bench::Bench::new(url))),
            },)*
            $(#[cfg(feature = "sqlite")]
            Case {
                name: stringify!($of_sqlite),
                engines: Engines::Sqlite,
                run: |url| Box::pin($sqlite::$of_sqlite(bench::Bench::new(url))),
            },)*
            $(#[cfg(feature = "postgres")]
            Case {
                name: stringify!($of_postgres),
                engines: Engines::Postgres,
                run: |url| Box::pin($postgres::$of_postgres(bench::Bench::new(url))),
            },)*
        ];
    };
}

crate::for_each_conformance_case!(list);
