//! The steps of a request, in order. [`STEPS`] names them; [`Guard`] is the program.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use resilience::{Criticality, Deadline};
use supervision::{Lifecycle, Phase};
use telemetry::RequestContext;
use tokio::time::Instant;
use tower::{Layer, Service};
use vitals::{Registry, TraceContext};

use crate::access_log::AccessLog;
use crate::admission::{Admission, Place};
use crate::body::{Guarded, Refusal};
use crate::connection::Connection;
use crate::problem::{documented, needs_document};
use crate::traffic::{Route, Traffic, Vitals};
use crate::{Limits, Problem, criticality, deadline, headers, host};

/// The steps of a request, in order. Before them the socket has its own: connection limits ([`crate::Listener`]), the
/// peer's time (`patience`), and the protocol's limits (hyper's, a little wider than ours, so that ours answer).
pub const STEPS: [&str; 11] = [
    "request id and trace",  // first, so that everything after it can be found again
    "admission",             // the cheapest refusal before any work
    "host",                  // named once and well, or nobody knows who was meant
    "limits of the head",    // target, headers, declared body
    "limits of the body",    // enforced while the handler reads
    "deadline",              // around the handler: past it, or when the caller waits no more, the work is dropped
    "criticality",           // around the handler too: what it calls is no more critical than the request
    "panic guard",           // innermost: one handler's panic is one 500
    "problem documents",     // whatever failed, the client gets one shape
    "headers",               // security, caching, request id: on errors too
    "vitals and access log", // last, so that they tell what the client saw
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// A caller's request id is taken over up to this length.
const MAX_REQUEST_ID: usize = 128;

/// The border of one listener. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Border {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) limits: Limits,
    pub(crate) traffic: Arc<Traffic>,
    admission: Arc<Admission>,
    access_log: AccessLog,
    lifecycle: Option<Lifecycle>,
    _vitals: Vitals,
}

impl Border {
    /// The border of the listener called `name`, with its vitals registered.
    pub fn new(name: &str, limits: Limits, registry: &Registry) -> Self {
        Self::build(name, limits, registry, None)
    }

    /// The same, which asks clients to leave (`Connection: close`) from [`Phase::Draining`] on.
    pub fn draining_with(name: &str, limits: Limits, registry: &Registry, lifecycle: Lifecycle) -> Self {
        Self::build(name, limits, registry, Some(lifecycle))
    }

    fn build(name: &str, limits: Limits, registry: &Registry, lifecycle: Option<Lifecycle>) -> Self {
        let traffic = Arc::new(Traffic::new(name));
        let admission = Admission::new(limits.in_flight, limits.in_flight_per_address);
        let vitals = Vitals::register(registry, &traffic, &admission, &limits);
        let access_log = AccessLog::new(limits.access_lines);
        let inner = Inner { limits, traffic, admission, access_log, lifecycle, _vitals: vitals };
        Self { inner: Arc::new(inner) }
    }

    /// Puts the border around all routes and the fallback of a router.
    pub fn around(&self, routes: Router) -> Router {
        routes.layer(self.clone())
    }
}

impl<S> Layer<S> for Border {
    type Service = Guard<S>;

    fn layer(&self, handler: S) -> Guard<S> {
        Guard { border: self.inner.clone(), handler }
    }
}

/// A handler behind the border.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    border: Arc<Inner>,
    handler: S,
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.handler.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let started = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let border = self.border.clone();
        let route = border.traffic.route(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
        let context = identify(request.headers());
        let request_id = context.request_id.clone();
        let entered = border.enter(request, &mut self.handler);

        Box::pin(context.scope(async move {
            let answer = match entered {
                Ok(work) => border.answer(work, started).await,
                Err(refusal) => refusal.into_response(),
            };
            let mut response = if needs_document(&answer) { documented(answer).await } else { answer };
            border.finish(response.headers_mut(), &request_id);
            border.record(&route, &method, uri.path(), response.status(), started);
            Ok(response)
        }))
    }
}

/// A request that was let in, about to be worked on.
struct Work<F> {
    /// The handler's future; none when the handler panicked before it had one.
    future: Option<Pin<Box<F>>>,
    refusal: Option<Refusal>,
    /// How long it may take.
    allowed: Duration,
    criticality: Criticality,
    _place: Place,
}

/// The path of a request, in the order of [`STEPS`].
impl Inner {
    /// Admission, the host, the limits of head and body, and the handler's first step.
    fn enter<S>(&self, request: Request, handler: &mut S) -> Result<Work<S::Future>, Problem>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        let (head, body) = request.into_parts();
        let connection = head.extensions.get::<Arc<Connection>>().cloned();
        let neighbours = connection.as_ref().map(|connection| connection.neighbours());
        let admitted = self.admission.enter(neighbours).and_then(|place| {
            host::check(&head)?;
            self.limits.check(&head, body.size_hint().exact())?;
            Ok((place, deadline::allowed(&head.headers, &self.limits)?))
        });
        let (place, allowed) = admitted.inspect_err(|_| {
            // What the peer still sends is read and thrown away, so that the refusal reaches it.
            if let (false, Some(connection)) = (body.is_end_stream(), &connection) {
                connection.leave_unread();
            }
        })?;
        let (body, refusal) = if body.is_end_stream() {
            (body, None)
        } else {
            let json = is_json(&head.headers);
            let (guarded, refusal) = Guarded::new(body, json, &self.limits, connection);
            (Body::new(guarded), Some(refusal))
        };
        let criticality = criticality::of(&head.headers);
        let mut request = Request::from_parts(head, body);
        if refusal.is_some() {
            // Our own bound on bodies answers in our own words; the framework's would come first.
            DefaultBodyLimit::disable().apply(&mut request);
        }
        // Boxed once: what it holds (the whole request, at first) would be copied with every layer around it.
        let future = catch_unwind(AssertUnwindSafe(|| Box::pin(handler.call(request)))).ok();
        Ok(Work { future, refusal, allowed, criticality, _place: place })
    }

    /// Deadline, criticality and panic guard around the handler, and what became of it.
    async fn answer<F>(&self, work: Work<F>, started: Instant) -> Response
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        let Some(future) = work.future else { return self.panicked() };
        let guarded = work.criticality.scope(AssertUnwindSafe(future).catch_unwind());
        let outcome = Deadline::since(started, work.allowed).scope(guarded).await;

        // A refused body explains whatever the handler made of it.
        if let Some(problem) = work.refusal.and_then(|refusal| refusal.problem(&self.limits)) {
            return problem.into_response();
        }
        match outcome {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_panic)) => self.panicked(),
            Err(_expired) => {
                self.traffic.deadlines_missed.fetch_add(1, Ordering::Relaxed);
                let detail = format!("the answer was not ready within {:?}; the work was cancelled", work.allowed);
                Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
            }
        }
    }

    /// The panic hook has written the reason to the log.
    fn panicked(&self) -> Response {
        self.traffic.panics.fetch_add(1, Ordering::Relaxed);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }

    fn finish(&self, headers: &mut HeaderMap, request_id: &str) {
        headers::add_defaults(headers);
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, value);
        }
        if self.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.phase() >= Phase::Draining) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }

    fn record(
        &self,
        route: &Arc<Route>,
        method: &axum::http::Method,
        path: &str,
        status: StatusCode,
        started: Instant,
    ) {
        let now = Instant::now();
        let took = now.saturating_duration_since(started);
        route.count(method, status, took);
        self.access_log.write(method, path, route.name(), status, took, now);
    }
}

/// Takes over the caller's request id and trace where they are well formed, else makes new ones.
fn identify(headers: &HeaderMap) -> RequestContext {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let well_formed = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let request_id = match text(&REQUEST_ID).filter(well_formed) {
        Some(id) => id.into(),
        None => vitals::new_request_id(),
    };
    let parent = text(&TRACE_PARENT).and_then(|header| header.parse::<TraceContext>().ok());
    RequestContext { request_id, trace: parent.map_or_else(TraceContext::new, |parent| parent.child()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.contains("json")
}
