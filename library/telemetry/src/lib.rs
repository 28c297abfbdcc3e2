//! Logs, metrics and health: the views over the registry of vitals.
//!
//! - [`logs`]: structured events on standard output, one schema, bounded, secrets redacted.
//! - [`prometheus`]: the registry as Prometheus text, OpenMetrics or Prometheus protobuf.
//! - [`health`]: the registry as a JSON document.
//! - [`RequestContext`]: id and trace of the request that the running task works for.
//!
//! ```
//! let registry = vitals::Registry::new();
//! assert_eq!(evenkeel_telemetry::prometheus::text(&registry.snapshot()), "");
//! ```

mod context;
pub mod health;
pub mod logs;
mod process;
pub mod prometheus;
pub mod redact;
mod timestamp;

pub use context::RequestContext;
pub use process::ProcessVitals;
pub use timestamp::Timestamp;
