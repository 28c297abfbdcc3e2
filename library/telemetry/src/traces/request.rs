//! The trace of one request, or of one attempt of a job: its state, and the buffer of its spans until its end.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use vitals::TraceContext;

use crate::traces::job::JobSpan;
use crate::traces::queue::{KeptTrace, Queue};
use crate::traces::rules::TraceRules;
use crate::traces::span::{Span, SpanKind, SpanValue, cut};
use crate::traces::state::TraceState;

/// The most spans of one request; further ones are counted in the attribute `spans.dropped` of its server span.
pub const MAX_SPANS: usize = 64;

/// Room for spans that a request gets with its first one, its own included: most requests have no more.
const USUAL_SPANS: usize = 9;

/// The trace of one request: shared by its task and by the spans that are open.
#[derive(Debug)]
pub struct RequestTrace {
    context: TraceContext,
    parent: Option<[u8; 8]>,
    state: Option<TraceState>,
    /// None: no spans are recorded.
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Recording {
    rules: TraceRules,
    queue: Arc<Queue>,
    began: Instant,
    /// The seed of the next span's id.
    ids: AtomicU64,
    /// None once the request has ended.
    spans: Mutex<Option<Buffer>>,
}

#[derive(Debug, Default)]
struct Buffer {
    spans: Vec<Span>,
    dropped: u32,
}

/// Description of a request and of its end, for its server span.
#[derive(Clone, Copy, Debug)]
pub struct ServerSpan<'a> {
    /// The method.
    pub method: &'a str,
    /// The route's pattern; none where no route matched.
    pub route: Option<&'a str>,
    /// The path, without the query.
    pub path: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The status of the answer; none where the client left before it.
    pub status: Option<u16>,
    /// Duration above which the request is kept in any case; none: the tracer's own rule.
    pub slow: Option<Duration>,
}

impl RequestTrace {
    pub(crate) fn new(
        context: TraceContext,
        parent: Option<[u8; 8]>,
        state: Option<TraceState>,
        recorded: Option<(TraceRules, Arc<Queue>, Instant)>,
    ) -> Self {
        let recording = recorded.map(|(rules, queue, began)| Recording {
            rules,
            queue,
            began,
            ids: AtomicU64::new(u64::from_le_bytes(context.span_id_bytes())),
            spans: Mutex::new(Some(Buffer::default())),
        });
        Self { context, parent, state, recording }
    }

    /// Ends the request: its spans are kept or thrown away. Spans that end later are thrown away.
    pub fn end(&self, server: ServerSpan<'_>) {
        let failed = server.status.is_some_and(|status| status >= 500);
        self.keep(failed, server.slow, |recording, ended| self.server_span(&server, recording, ended));
    }

    /// Ends the attempt of a job: its spans are kept or thrown away, as those of a request.
    pub fn end_job(&self, job: JobSpan<'_>) {
        self.keep(job.error.is_some(), None, |recording, ended| self.job_span(&job, recording, ended));
    }

    /// Keeps the spans when the trace is sampled, or its work failed or was slow.
    fn keep(&self, failed: bool, slow: Option<Duration>, own: impl FnOnce(&Recording, Instant) -> Span) {
        let Some(recording) = &self.recording else { return };
        let Some(Buffer { mut spans, dropped }) = recording.spans().take() else { return };
        let ended = Instant::now();
        let took = ended.saturating_duration_since(recording.began);
        let reason = if self.context.is_sampled() {
            "head"
        } else if failed {
            "error"
        } else if took > slow.unwrap_or(recording.rules.slow) {
            "slow"
        } else {
            return;
        };
        let mut span = own(recording, ended);
        span.set("sampling.reason", reason.into());
        if dropped > 0 {
            span.set("spans.dropped", dropped.into());
        }
        spans.push(span);
        // Until here times are those since the beginning: the wall clock is read for what is exported alone.
        let now = nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let began = now.saturating_sub(nanos(took));
        for span in &mut spans {
            span.start = span.start.saturating_add(began);
            span.end = span.end.saturating_add(began);
        }
        recording.queue.push(KeptTrace {
            trace: self.context.trace_id_bytes(),
            flags: self.context.flags(),
            state: self.state.clone(),
            spans,
        });
    }

    fn job_span(&self, job: &JobSpan<'_>, recording: &Recording, ended: Instant) -> Span {
        let mut span = Span {
            id: self.context.span_id_bytes(),
            parent: self.parent,
            kind: SpanKind::Consumer,
            name: cut(job.name().into()),
            start: 0,
            end: recording.at(ended),
            attributes: Vec::with_capacity(8),
            failed: job.error.is_some(),
        };
        job.describe(&mut span);
        span
    }

    /// Named and described as OpenTelemetry's semantic conventions for HTTP servers say.
    fn server_span(&self, server: &ServerSpan<'_>, recording: &Recording, ended: Instant) -> Span {
        let name = match server.route {
            Some(route) => [server.method, " ", route].concat(),
            None => server.method.to_owned(),
        };
        let mut span = Span {
            id: self.context.span_id_bytes(),
            parent: self.parent,
            kind: SpanKind::Server,
            name: cut(name.into()),
            start: 0,
            end: recording.at(ended),
            attributes: Vec::with_capacity(8),
            failed: server.status.is_some_and(|status| status >= 500),
        };
        span.set("http.request.method", SpanValue::Text(method_of(server.method)));
        span.set("url.path", server.path.to_owned().into());
        if let Some(route) = server.route {
            span.set("http.route", route.to_owned().into());
        }
        match server.status {
            Some(status) => {
                span.set("http.response.status_code", status.into());
                if status >= 500 {
                    span.set("error.type", status.to_string().into());
                }
            }
            None => span.set("error.type", "cancelled".into()),
        }
        span.set("request.id", server.request_id.to_owned().into());
        span
    }

    /// The trace of a request without recorded spans: it passes the caller's state on. None without a state.
    pub fn passed_on(context: TraceContext, state: Option<TraceState>) -> Option<Self> {
        state.map(|state| Self::new(context, None, Some(state), None))
    }

    /// The request's own span, the parent of all others.
    pub(crate) fn context(&self) -> &TraceContext {
        &self.context
    }

    pub(crate) fn state(&self) -> Option<&TraceState> {
        self.state.as_ref()
    }

    /// A new id for a span of the request: another one for each, and as random as that of the request's own span.
    pub(crate) fn new_id(&self) -> [u8; 8] {
        // The generator splitmix64: as its steps are bijective, no id comes twice.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let Some(recording) = &self.recording else { return self.context.child().span_id_bytes() };
        loop {
            let mut id = recording.ids.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
            id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            id ^= id >> 31;
            // Zero is no id, and the request's own span has its own.
            if id != 0 && id.to_le_bytes() != self.context.span_id_bytes() {
                return id.to_le_bytes();
            }
        }
    }

    /// A moment in nanoseconds since the beginning; none where no spans are recorded.
    pub(crate) fn at(&self, moment: Instant) -> Option<u64> {
        Some(self.recording.as_ref()?.at(moment))
    }

    /// Adds a span that has ended.
    pub(crate) fn add(&self, span: Span) {
        let Some(recording) = &self.recording else { return };
        let mut buffer = recording.spans();
        let Some(buffer) = buffer.as_mut() else { return };
        if buffer.spans.len() < MAX_SPANS {
            if buffer.spans.capacity() == 0 {
                buffer.spans = Vec::with_capacity(USUAL_SPANS);
            }
            buffer.spans.push(span);
        } else {
            buffer.dropped = buffer.dropped.saturating_add(1);
        }
    }
}

/// The method, without an allocation for the usual ones.
fn method_of(method: &str) -> Cow<'static, str> {
    const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let known = USUAL.iter().find(|known| **known == method);
    known.map_or_else(|| Cow::Owned(method.to_owned()), |known| Cow::Borrowed(*known))
}

impl Recording {
    /// A moment in nanoseconds since the beginning.
    fn at(&self, moment: Instant) -> u64 {
        nanos(moment.saturating_duration_since(self.began))
    }

    fn spans(&self) -> MutexGuard<'_, Option<Buffer>> {
        // A list of ended spans is whole whatever happened to the thread that held the lock.
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
