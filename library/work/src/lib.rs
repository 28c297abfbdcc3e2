//! Background jobs in the service's own database: enqueued in the caller's transaction, run at least once or exactly once.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use evenkeel_work::{Job, JobError, WorkError, Workers};
//! use serde::{Deserialize, Serialize};
//! use store::{Migrations, Options, Store};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Greeting { name: String }
//! impl Job for Greeting {
//!     const KIND: &'static str = "greeting";
//! }
//!
//! let store = Store::open(&"sqlite::memory:".parse()?, Options::default()).await?;
//! store.migrate(&evenkeel_work::add_schema(Migrations::default())).await?;
//!
//! // In the transaction of the change that asks for the work.
//! store
//!     .write(|tx| {
//!         Box::pin(async move {
//!             let greeting = Greeting { name: "Ann".to_owned() };
//!             evenkeel_work::enqueue(tx, &greeting).await.map(drop)
//!         })
//!     })
//!     .await?;
//!
//! let workers = Workers::new(&store).handle(|greeting: Greeting, _context| async move {
//!     println!("Hello, {}!", greeting.name);
//!     Ok::<_, JobError>(())
//! });
//! assert_eq!(workers.run_until_idle().await?.completed, 1);
//! # Ok(()) }
//! # #[cfg(not(feature = "sqlite"))] fn main() {}
//! ```
//!
//! - [`Job`], [`NewJob`], [`enqueue`]: jobs and how they are added.
//! - [`Workers`]: handlers, queues and schedules, and the loop that runs them.
//! - [`JobStore`]: the operations on the tables, each over a set of jobs.
//! - [`take`]: jobs that are taken in the transaction of their effect, hundreds at a time.
//! - [`dead`]: dead letters, the jobs that were given up.
//! - [`Event`], [`append`], [`EventLog`]: an event log with a gap-free order.
//! - [`Subscription`], [`Subscriptions`]: projections that fold each event exactly once, and outboxes.
//! - [`Ratchet`], [`Ratchets`], [`run`]: work of several steps that only moves forward.
//! - [`retention`], [`invariant`]: old rows are deleted in batches, and statements about the data are checked continuously.
//! - [`quarantine`]: records that could not be taken, with their reasons.
//! - [`Leader`], [`Lease`]: work that one instance does at a time, fenced.
//! - [`add_schema`]: the tables, as migrations of the store.
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `sqlite` | jobs in SQLite | yes |
//! | `postgres` | jobs in PostgreSQL | yes |
//! | `testing` | `conformance`: the tests that every engine must pass; hooks that end the process at a commit boundary | no |
//!
//! At least one engine is needed. Tested on Linux.

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("evenkeel-work needs at least one of its features `sqlite` and `postgres`");

mod boundary;
#[cfg(feature = "testing")]
pub mod conformance;
pub mod dead;
mod doorbell;
mod error;
pub mod event;
pub mod invariant;
pub mod job;
pub mod lease;
pub mod quarantine;
pub mod retention;
pub mod run;
pub mod schedule;
mod schema;
mod statement;
pub mod subscription;
mod trace;
pub mod worker;
mod written;

#[cfg(feature = "testing")]
pub use boundary::{BOUNDARIES, EVENT_BOUNDARIES, RUN_BOUNDARIES};
pub use error::{Refusal, WorkError};
pub use event::{Event, EventLog, Expect, NewEvent, StoredEvent, append};
pub use job::context::JobContext;
pub use job::enqueue::{Enqueued, enqueue, enqueue_all};
pub use job::outcome::JobError;
pub use job::store::JobStore;
pub use job::take::take;
pub use job::{Job, NewJob};
pub use lease::{Leader, Lease, LeaseStore};
pub use run::{Ratchet, Ratchets, RunContext, RunInput};
pub use schedule::{MissedSlots, Schedule};
pub use schema::add_schema;
pub use subscription::{Subscription, Subscriptions};
pub use worker::{QueueRules, Workers};
