//! Logs, metrics and health: the views over the registry of vitals.
//!
//! - [`logs`]: structured events on standard output, one schema, bounded, secrets redacted.
//! - [`prometheus`]: the registry as Prometheus text, OpenMetrics or Prometheus protobuf.
//! - [`health`]: the registry as a JSON document.
//! - [`objectives`]: service level objectives, burn rates and alerts.
//! - [`observe`]: rules, their tests, dashboards and playbooks from the objectives.
//! - [`traces`]: the spans of requests, and their export by OTLP.
//! - [`RequestContext`]: id and trace of the request that the running task works for.
//!
//! ```
//! let registry = vitals::Registry::new();
//! assert_eq!(evenkeel_telemetry::prometheus::text(&registry.snapshot()), "");
//! ```

mod context;
pub mod health;
pub mod logs;
pub mod objectives;
pub mod observe;
pub mod prometheus;
pub mod redact;
mod timestamp;
pub mod traces;

pub use context::RequestContext;
pub use timestamp::Timestamp;
