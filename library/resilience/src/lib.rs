//! Guards for calls: circuit breaker, retry, bulkhead, rate limit, hedging and more. Independent of HTTP and SQL.
//!
//! - [`Deadline`]: the moment after which nobody waits for an answer; travels with the task.
//! - [`Criticality`]: how much work matters when not all can be done; travels with the task.
//! - [`Backoff`]: how long to wait before the next attempt.
//! - [`Outcome`]: what became of a call, as every guard sees it; [`Classify`] tells it from a result.
//! - [`Policy`]: everything that protects the calls of a dependency, one value, in one order.
//! - [`Breaker`], [`Bulkhead`], [`hedge`]: its guards, each of use alone.
//! - [`retry`]: whether a call is tried again; [`Budget`]: what repeats may cost.
//! - [`RateLimit`], [`KeyedRateLimit`]: so many calls a second, for all or for each key.
//! - [`Throttle`]: a caller that stops asking whom it knows to be overloaded.
//! - [`Coalescer`]: one call for all who want the same; [`Stale`]: the last good answer, with its age.
//! - [`Adaptive`]: how many calls at a time a callee takes well, found out while calling.
//! - [`CpuPool`]: threads of their own for work that computes.
//! - [`Ticker`]: what is done again and again, never in step with others.
//! - [`Cluster`]: the instances of a dependency, of which [`balance`] picks one, [`outlier`] leaves out the bad
//!   ones, and [`discovery`] says where they are.
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

pub mod adaptive;
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
