//! The tracer: begins the trace of a request, and keeps the traces that are to be exported.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use vitals::TraceContext;

use crate::otlp::Resource;
use crate::traces::exporter::Exporter;
use crate::traces::queue::Queue;
use crate::traces::request::RequestTrace;
use crate::traces::rules::TraceRules;
use crate::traces::state::TraceState;

/// Records the spans of requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rules: TraceRules,
    queue: Arc<Queue>,
    /// The threshold of what is sampled, as the key `th` of a state, and the state that has it alone.
    threshold: String,
    own_state: Option<TraceState>,
}

impl Tracer {
    /// A tracer, and the exporter of what it keeps: a batch goes when it is full, or after `delay`.
    pub fn new(rules: TraceRules, resource: Resource, delay: Duration) -> (Self, Exporter) {
        let queue = Arc::new(Queue::default());
        let exporter = Exporter::new(queue.clone(), resource, delay);
        let threshold = rules.sampler.threshold();
        let own_state = TraceState::with_threshold(None, Some(&threshold));
        (Self { inner: Arc::new(Inner { rules, queue, threshold, own_state }) }, exporter)
    }

    /// Begins the trace of a request: decides whether it is sampled, which its context tells all calls that it makes.
    pub fn begin(
        &self,
        context: &mut TraceContext,
        parent: Option<&TraceContext>,
        state: Option<TraceState>,
        began: Instant,
    ) -> RequestTrace {
        let sampler = &self.inner.rules.sampler;
        let sampled = sampler.samples(context, parent.is_some());
        *context = context.with_sampled(sampled);
        let state = match state {
            state if sampler.follows(parent.is_some()) => state,
            None => self.inner.own_state.clone().filter(|_| sampled),
            given => TraceState::with_threshold(given.as_ref(), sampled.then_some(&*self.inner.threshold)),
        };
        RequestTrace::new(
            *context,
            parent.map(TraceContext::span_id_bytes),
            state,
            Some((self.inner.rules, self.inner.queue.clone(), began)),
        )
    }
}
