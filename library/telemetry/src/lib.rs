//! Logs, metrics and health: the views over the registry of vitals.
//!
//! - [`logs`]: structured events on standard output, one schema, bounded, secrets redacted.
//! - [`prometheus`]: the registry as Prometheus text, OpenMetrics or Prometheus protobuf.
//! - [`health`]: the registry as a JSON document.
//! - [`errors`]: reports of failures, in groups.
//! - [`objectives`]: service level objectives, burn rates and alerts.
//! - [`observe`]: rules, their tests, dashboards and playbooks from the objectives.
//! - [`otlp`]: logs and metrics sent to a collector.
//! - [`sentry`]: reports of failures sent to a Sentry.
//! - [`traces`]: the spans of requests, and their export by OTLP.
//! - [`RequestContext`]: id and trace of the request that the running task works for.
//!
//! ```
//! use evenkeel_telemetry::{health, logs, prometheus};
//! use vitals::{Build, Instance, Registry};
//!
//! let registry = Registry::new();
//! let instance = Instance::new(Build { name: "shop", version: "1.2.3", commit: "unknown" });
//! let logs = logs::install("info", &registry).expect("a filter");
//!
//! // The logs are a part with state, so both views show them.
//! assert!(prometheus::text(&registry.snapshot()).contains("logs_dropped_total 0"));
//! let document = health::document(&instance, &registry, true);
//! assert_eq!((&document["status"], &document["version"]), (&"ready".into(), &"1.2.3".into()));
//! drop(logs);
//! ```
//!
//! # Features and platforms
//!
//! No features. Tested on Linux; no part needs it.

mod context;
pub mod errors;
pub mod health;
pub mod logs;
pub mod objectives;
pub mod observe;
pub mod otlp;
mod process;
pub mod prometheus;
pub mod redact;
mod saturation;
pub mod sentry;
mod step;
mod timestamp;
pub mod traces;

pub use context::RequestContext;
pub use process::ProcessVitals;
pub use saturation::SaturationVitals;
pub use step::{InStep, in_step, set_step};
pub use timestamp::Timestamp;
