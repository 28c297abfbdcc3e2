//! The life of the process and its parts: start, ready, drain, stop.
//!
//! - [`Lifecycle`]: which phase the process is in, as a state machine everybody can watch.
//! - [`Children`]: long-running parts that are restarted when they fail, and stopped in reverse order.
//! - [`Stop`]: how a part learns that it shall end.
//! - [`Manager`]: what systemd (or any supervisor that speaks its protocol) is told.
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

mod children;
mod lifecycle;
mod manager;
mod signals;
mod stop;

pub use children::{Children, INTENSITY, INTENSITY_WINDOW};
pub use lifecycle::{Lifecycle, Phase};
pub use manager::Manager;
pub use signals::{Ended, end_requested};
pub use stop::{Stop, StopSource};
