//! OTLP: logs and metrics sent to a collector beside standard output and `/metrics`, and the messages that all signals share.
//!
//! - [`MetricExporter`]: all numbers of the registry, in an interval, with exponential histograms.
//! - [`LogExporter`]: the lines of the log, in batches from a bounded queue.
//! - [`Sink`]: the transport, which the facade makes of its HTTP client.
//!
//! Spans have an exporter of their own ([`crate::traces`]). No exporter delays a request or the end of the service: what does not fit or cannot be sent is
//! lost, and counted.

mod delivery;
mod log_exporter;
mod log_messages;
mod log_queue;
mod message;
mod metric_exporter;
mod metric_messages;
mod sink;

pub use log_exporter::LogExporter;
pub use log_queue::{LogQueue, QUEUE_BYTES, QUEUE_RECORDS};
pub use message::Resource;
pub use metric_exporter::MetricExporter;
pub use sink::{FLUSH, Sink};

#[cfg(test)]
pub(crate) use message::{ExportResponse, PartialSuccess};
pub(crate) use message::{KeyValue, ResourceMessage, Scope, Value, key_value, rejected};
