//! Traces: the spans of requests and of jobs, which of them are kept, and their export by OTLP over HTTP.
//!
//! A [`Tracer`] decides about each request twice. At its head, by its trace id ([`Sampler`]): all services of a trace decide alike. And at its end:
//! a request that failed or was slow is exported in any case. Until then its spans wait in a buffer of the request
//! ([`RequestTrace`], at most [`MAX_SPANS`]). Kept spans go through a bounded queue to the [`Exporter`], which hands encoded batches to a [`Sink`];
//! what does not fit or cannot be sent is lost, and counted in the vital `traces`.
//!
//! Without a tracer a request has no buffer, and [`span`] is one look into the task's context.

mod active;
mod exporter;
mod innermost;
mod job;
mod otlp;
mod queue;
pub(crate) mod request;
mod rules;
mod sampler;
mod span;
mod state;
mod tracer;
mod tracing_spans;

pub use active::{ActiveSpan, finished, span, trace_state};
pub use exporter::Exporter;
pub use job::JobSpan;
pub use queue::{BATCH_SPANS, QUEUE_SPANS};
pub use request::{MAX_SPANS, RequestTrace, ServerSpan};
pub use rules::TraceRules;
pub use sampler::{InvalidSampler, Sampler};
pub use span::{MAX_ATTRIBUTES, MAX_TEXT_BYTES, SpanKind, SpanValue};
pub use state::TraceState;
pub use tracer::Tracer;
pub use tracing_spans::TracingSpans;

pub use crate::otlp::{FLUSH, Resource, Sink};

#[cfg(test)]
mod tests;
