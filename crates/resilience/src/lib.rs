//! What protects a call. Knows neither HTTP nor SQL.
//!
//! - [`Deadline`]: the moment after which nobody waits for an answer; travels with the task.
//! - [`Backoff`]: how long to wait before the next try.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use std::time::Duration;
//! use resilience::Deadline;
//!
//! let deadline = Deadline::after(Duration::from_millis(5));
//! let answer = deadline.scope(async { Deadline::current().map(|deadline| deadline.left()) }).await;
//! assert!(answer.expect("in time").expect("the task's own deadline") <= Duration::from_millis(5));
//! # }
//! ```

mod backoff;
mod deadline;

pub use backoff::Backoff;
pub use deadline::{Deadline, Expired};
