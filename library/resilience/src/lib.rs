//! Guards for calls: circuit breaker, retry, bulkhead, rate limit, hedging and more. Independent of HTTP and SQL.
//!
//! - [`Policy`]: circuit breaker, retries, hedging, bulkhead, rate limit, timeout and fallback for the calls of a dependency, in one value.
//! - [`Breaker`], [`Bulkhead`], [`hedge`]: the guards, each usable alone.
//! - [`retry`]: retries; [`Budget`]: the retry budget; [`Backoff`]: waits before attempts.
//! - [`RateLimit`], [`KeyedRateLimit`]: rate limits (GCRA), for all calls or for each key.
//! - [`admission`]: admission control for servers: which requests are executed, held or refused.
//! - [`Adaptive`]: adaptive concurrency limit (AIMD or gradient of latency).
//! - [`Throttle`]: adaptive throttling of calls to an overloaded callee.
//! - [`Coalescer`]: request coalescing (singleflight); [`Stale`]: the last good answer, with its age.
//! - [`Cluster`]: load balancing over the instances of a dependency ([`balance`]), outlier ejection ([`outlier`]) and service
//!   discovery ([`discovery`]).
//! - [`Deadline`]: the moment after which no caller waits for an answer; propagates with the task.
//! - [`Criticality`]: priority of work for load shedding; propagates with the task.
//! - [`Outcome`]: result of a call for the guards; [`Classify`] derives it from the call's result.
//! - [`CpuPool`]: threads for CPU-bound work.
//! - [`Ticker`]: periodic work with jitter.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use std::time::Duration;
//! use evenkeel_resilience::Deadline;
//!
//! let deadline = Deadline::after(Duration::from_millis(5));
//! let answer = deadline.scope(async { Deadline::current().map(|deadline| deadline.left()) }).await;
//! assert!(answer.expect("in time").expect("the task's own deadline") <= Duration::from_millis(5));
//! # }
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `without-guards` | switches that turn guards off, for tests that show what a guard prevents; never for production | no |
//!
//! Tested on Linux; no part needs it. It needs a tokio runtime with time.

pub mod adaptive;
pub mod admission;
mod backoff;
pub mod balance;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod cluster;
pub mod coalesce;
mod count;
pub mod cpu;
mod criticality;
mod deadline;
pub mod discovery;
pub mod hedge;
mod invalid;
mod line;
mod nanos;
mod outcome;
pub mod outlier;
pub mod policy;
mod poll;
pub mod rate_limit;
pub mod retry;
mod setters;
mod spawn;
pub mod stale;
mod sync;
pub mod throttle;
pub mod ticker;

pub use adaptive::{Adaptive, AdaptiveRules};
pub use backoff::{Backoff, Growth, Jitter};
pub use breaker::Breaker;
pub use budget::Budget;
pub use bulkhead::Bulkhead;
pub use cluster::{Cluster, ClusterRules};
pub use coalesce::Coalescer;
pub use cpu::{CpuError, CpuPool, CpuRules};
pub use criticality::{Criticality, NoSuchCriticality};
pub use deadline::{Deadline, Expired, NoTimeout, decode_timeout, encode_timeout};
pub use invalid::InvalidRules;
pub use outcome::{ByResult, Classify, Outcome};
pub use policy::{Attempt, CallError, Policy, Rules};
pub use rate_limit::{KeyedRateLimit, RateLimit};
pub use spawn::spawn;
pub use stale::{FallbackOutcome, Stale};
pub use throttle::Throttle;
pub use ticker::{Tick, Ticker, TickerRules};
