//! Supervision and lifecycle of the process and its parts: start, ready, drain, stop.
//!
//! - [`Lifecycle`]: the phase of the process, as a state machine that can be watched.
//! - [`Children`]: long-running parts that are restarted when they fail, and stopped in reverse order; [`ChildSpec`] and
//!   [`RestartRules`] say how.
//! - [`Stop`]: the stop request of a part.
//! - [`Signals`]: SIGTERM and SIGINT.
//! - [`Manager`]: the protocol of systemd (sd_notify(3)).
//! - [`command`]: child processes that do not inherit the variables of the process manager.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use std::time::Duration;
//! use evenkeel_supervision::{Children, Phase, Lifecycle};
//!
//! let lifecycle = Lifecycle::new(&vitals::Registry::new());
//! let mut children = Children::new(&vitals::Registry::new());
//! children.start("clock", |stop| async move { stop.requested().await });
//! lifecycle.enter(Phase::Ready);
//! children.stop_all(Duration::from_secs(1)).await;
//! # }
//! ```
//!
//! # Features and platforms
//!
//! No features. Unix only: [`Signals`] are those of Unix, and [`Manager`] speaks to a Unix socket. Abstract sockets of [`Manager`] need Linux. Tested on Linux.

mod children;
mod command;
mod lifecycle;
mod manager;
mod restart;
mod signals;
mod spec;
mod stop;

pub use children::{Children, Escalation};
pub use command::{ADDRESSED, command};
pub use lifecycle::{Lifecycle, Phase};
pub use manager::Manager;
pub use restart::RestartRules;
pub use signals::{EndSignal, Signals};
pub use spec::{ChildSpec, Restart};
pub use stop::{Stop, StopSource};
