//! A discrete-event simulator of a server under load, in virtual time: it compares admission controls on a workload.
//!
//! The model: cores share one run queue; tasks yield after slices or not at all; sockets and timers are looked at only when the run queue is empty, or after 61
//! polls. Reading a head, refusing and reconnecting have costs. The load is an open loop (Poisson) of clients that leave after their patience.
//! Packets, TLS, the allocator and caches are not simulated: the order of controls is meaningful, the third digit is not.
//!
//! - [`Workload`]: the server, its requests, and the load over time; [`workloads`]: those that the tests use.
//! - [`Control`]: an admission control: [`Evenkeel`], [`Unlimited`], [`StaticLimit`], or your own.
//! - [`simulate`]: runs one under the other; [`Report`]: goodput, latency, and counts by kind, client and second.
//! - [`best_static`]: the best static limit of a sweep.
//!
//! ```
//! use std::time::Duration;
//! use evenkeel_simulator::{Evenkeel, Unlimited, simulate, workloads};
//!
//! let workload = workloads::cpu_hard().at(2.0, Duration::from_secs(4));
//! let with = simulate(&workload, &mut Evenkeel::new(&workload));
//! let without = simulate(&workload, &mut Unlimited);
//! assert!(with.goodput() > 900.0 && without.goodput() < 100.0);
//! ```
//!
//! # Features and platforms
//!
//! No features. It does no I/O and reads no clock, so it runs wherever Rust's standard library does. Tested on Linux.

mod control;
mod event;
mod random;
mod report;
mod request;
mod server;
mod sweep;
pub mod waiting;
mod workload;
pub mod workloads;

pub use control::{Control, Evenkeel, Seen, StaticLimit, Unlimited, Verdict};
pub use random::Random;
pub use report::{Counts, Report};
pub use server::{MAX_REQUESTS, simulate};
pub use sweep::{Best, LIMITS, WAITS, best_static};
pub use workload::{Clients, Costs, Phase, RequestKind, SILENT, Time, Work, Workload};
