//! Request context: the request, or the attempt of a job, that the running task works for.

use std::cell::RefCell;
use std::sync::Arc;

use vitals::{InFlightSlot, TraceContext};

use crate::errors::trail::Trail;
use crate::traces::request::RequestTrace;

tokio::task_local! {
    static CURRENT: Scoped;
}

/// A request as its task has it.
#[derive(Debug)]
struct Scoped {
    context: RequestContext,
    trace: Option<Arc<RequestTrace>>,
    /// Its place among the requests in flight.
    slot: Option<Arc<InFlightSlot>>,
    /// Its steps and log lines so far; none before the first entry.
    trail: RefCell<Option<Box<Trail>>>,
}

/// The request that the running task works for; every log event and every outgoing call carries it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's id, ours or the caller's; of a job the id of its message.
    pub request_id: Arc<str>,
    /// The span of this request within the caller's trace, or a new trace.
    pub trace: TraceContext,
}

impl RequestContext {
    /// The running task's request, when it works for one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|scoped| scoped.context.clone()).ok()
    }

    /// Runs `work` for this request. Tasks that `work` spawns do not inherit it: give it to them. Such a task continues the trace in its calls, and
    /// records no spans, because it may outlive the request. Cancel-safe if `work` is.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let trace = self.same_trace();
        self.scope_traced(trace, work)
    }

    /// Runs `work` for this request, and records its spans in `trace`. Cancel-safe if `work` is.
    pub fn scope_traced<F: Future>(self, trace: Option<Arc<RequestTrace>>, work: F) -> impl Future<Output = F::Output> {
        self.scope_in_flight(trace, None, work)
    }

    /// Runs `work` for this request, records its spans in `trace` and shows its [steps](crate::in_step) in `slot`. Cancel-safe if `work` is.
    pub fn scope_in_flight<F: Future>(
        self,
        trace: Option<Arc<RequestTrace>>,
        slot: Option<Arc<InFlightSlot>>,
        work: F,
    ) -> impl Future<Output = F::Output> {
        // Not an async function: that would hold the work twice and copy it once more.
        CURRENT.scope(Scoped { context: self, trace, slot, trail: RefCell::default() }, work)
    }

    /// The spans of the running task's request, where it is of the same trace.
    fn same_trace(&self) -> Option<Arc<RequestTrace>> {
        let trace_id = self.trace.trace_id_bytes();
        let same = |scoped: &Scoped| scoped.trace.clone().filter(|_| scoped.context.trace.trace_id_bytes() == trace_id);
        CURRENT.try_with(same).ok().flatten()
    }
}

/// Does this with the running task's request among those in flight.
pub(crate) fn with_slot<T>(act: impl FnOnce(&InFlightSlot) -> T) -> Option<T> {
    CURRENT.try_with(|scoped| scoped.slot.as_deref().map(act)).ok().flatten()
}

/// Does this with the trail of the running task's request. A trail in use, such as by an error that logs while it is shown, is left alone.
pub(crate) fn with_trail<T>(act: impl FnOnce(&mut Trail) -> T) -> Option<T> {
    let act = |scoped: &Scoped| Some(act(scoped.trail.try_borrow_mut().ok()?.get_or_insert_default()));
    CURRENT.try_with(act).ok().flatten()
}

/// Takes the trail of the running task's request.
pub(crate) fn take_trail() -> Option<Box<Trail>> {
    CURRENT.try_with(|scoped| scoped.trail.try_borrow_mut().ok()?.take()).ok().flatten()
}

/// The trace of the running task's request, where it has spans or a state.
pub(crate) fn current_trace() -> Option<Arc<RequestTrace>> {
    CURRENT.try_with(|scoped| scoped.trace.clone()).ok().flatten()
}
