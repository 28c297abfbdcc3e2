//! Request context: the request that the running task works for.

use std::sync::Arc;

use vitals::TraceContext;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The request that the running task works for; every log event and every outgoing call carries it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's id, ours or the caller's.
    pub request_id: Arc<str>,
    /// The span of this request within the caller's trace, or a new trace.
    pub trace: TraceContext,
}

impl RequestContext {
    /// The running task's request, when it works for one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs `work` for this request. Tasks that `work` spawns do not inherit it: give it to them. Cancel-safe if `work` is.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        // Not an async function: that would hold the work twice and copy it once more.
        CURRENT.scope(self, work)
    }
}
