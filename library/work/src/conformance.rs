//! The conformance suite of jobs: what an engine must do, as cases with names that begin with the invariant.
//!
//! Run it on another version of an engine, another pooler or a managed database:
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn example() {
//! for case in evenkeel_work::conformance::CASES {
//!     println!("{}", case.name);
//!     let folder = tempfile::tempdir().unwrap();
//!     // Each case takes a database of its own, or one that another case has left.
//!     case.run(format!("sqlite:{}/x.db", folder.path().display()).parse().unwrap()).await;
//! }
//! # }
//! ```
//!
//! A case panics where a job is lost, doubled, or run out of order. Cases need a runtime of several threads.
//! [`for_each_job_case`](crate::for_each_job_case) makes a test of each.
#![allow(clippy::unwrap_used, reason = "a case that panics says where")]

mod administration;
mod bench;
mod dead_letters;
mod enqueueing;
mod events;
mod fences;
mod leases;
mod limits;
mod list;
mod ordering;
mod retries;
mod runs;
mod schedules;
mod steady;
mod subscriptions;
mod taking;
mod traces;
mod workers;

use store::{BoxFuture, StoreUrl};

/// One thing that an engine must do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, a sentence.
    pub name: &'static str,
    run: fn(StoreUrl) -> BoxFuture<'static, ()>,
}

impl Case {
    /// Runs the case on an empty database, or on one that another case has left: it deletes all jobs there first.
    ///
    /// # Panics
    /// When the engine does not do what it must.
    pub async fn run(&self, url: StoreUrl) {
        (self.run)(url).await;
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Finds a case by its name.
pub fn find(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}

macro_rules! list {
    ($($file:ident :: $case:ident,)*) => {
        /// Every case.
        pub const CASES: &[Case] = &[
            $(Case {
                name: stringify!($case),
                run: |url| Box::pin(async move { $file::$case(bench::Bench::open(&url).await).await }),
            },)*
        ];
    };
}

crate::for_each_job_case!(list);
