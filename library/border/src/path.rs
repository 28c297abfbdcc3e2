//! The path of a request: [`Guard`] runs the steps that [`STEPS`] lists.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

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
use crate::admission::{Admission, Permit};
use crate::body::{Guarded, Refusal};
use crate::connection::Connection;
use crate::problem::{documented, needs_document};
pub use crate::step::{STEPS, Step};
use crate::traffic::{Route, Traffic, Vitals};
use crate::{Limits, Problem, criticality, deadline, headers, host};

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
    access_log: Arc<AccessLog>,
    lifecycle: Option<Lifecycle>,
    vitals: Arc<Vitals>,
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
        let access_log = Arc::new(AccessLog::new(limits.access_lines));
        let inner = Inner { limits, traffic, admission, access_log, lifecycle, vitals: Arc::new(vitals) };
        Self { inner: Arc::new(inner) }
    }

    /// The limits around routes.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The border of the same listener with other limits for some of its routes: bodies, heads, JSON and deadline. Connections, admission,
    /// vitals and the access log are shared.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let Inner { traffic, admission, access_log, lifecycle, vitals, .. } = &*self.inner;
        let inner = Inner {
            limits,
            traffic: traffic.clone(),
            admission: admission.clone(),
            access_log: access_log.clone(),
            lifecycle: lifecycle.clone(),
            vitals: vitals.clone(),
        };
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
        let context = Step::RequestId.run(|| identify(request.headers()));
        let request_id = context.request_id.clone();
        let entered = border.enter(request, started, &mut self.handler);

        Box::pin(context.scope(async move {
            let answer = match entered {
                Ok(work) => border.answer(work, started).await,
                Err(refusal) => refusal.into_response(),
            };
            let undocumented = Step::ProblemDocuments.run(|| needs_document(&answer));
            let mut response = if undocumented { documented(answer).await } else { answer };
            Step::Headers.run(|| border.finish(response.headers_mut(), &request_id));
            Step::Vitals.run(|| border.record(&route, &method, uri.path(), response.status(), started));
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
    allowed: deadline::Allowed,
    criticality: Criticality,
    _permit: Permit,
}

/// The path of a request, in the order of [`STEPS`].
impl Inner {
    /// Admission, the host, the limits of head and body, and the handler's first step.
    fn enter<S>(&self, request: Request, started: Instant, handler: &mut S) -> Result<Work<S::Future>, Problem>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        let (head, body) = request.into_parts();
        let connection = head.extensions.get::<Arc<Connection>>().cloned();
        let neighbours = connection.as_ref().map(|connection| connection.neighbours());
        let admitted = Step::Admission.run(|| self.admission.enter(neighbours)).and_then(|permit| {
            Step::Host.run(|| host::check(&head))?;
            Step::HeadLimits.run(|| self.limits.check(&head, body.size_hint().exact()))?;
            let allowed = Step::Deadline.run(|| deadline::allowed(&head.headers, &self.limits, started))?;
            Ok((permit, allowed))
        });
        let (permit, allowed) = admitted.inspect_err(|_| {
            // What the peer still sends is read and thrown away, so that the refusal reaches it.
            if let (false, Some(connection)) = (body.is_end_stream(), &connection) {
                connection.leave_unread();
            }
        })?;
        let (body, refusal) = Step::BodyLimits.run(|| {
            if body.is_end_stream() {
                return (body, None);
            }
            let json = is_json(&head.headers);
            let (guarded, refusal) = Guarded::new(body, json, &self.limits, connection);
            (Body::new(guarded), Some(refusal))
        });
        let criticality = Step::Criticality.run(|| criticality::of(&head.headers));
        let mut request = Request::from_parts(head, body);
        if refusal.is_some() {
            // Our own bound on bodies answers in our own words; the framework's would come first.
            DefaultBodyLimit::disable().apply(&mut request);
        }
        // Boxed once: what it holds (the whole request, at first) would be copied with every layer around it.
        let call = AssertUnwindSafe(|| Box::pin(handler.call(request)));
        let future = Step::PanicGuard.run(|| catch_unwind(call)).ok();
        Ok(Work { future, refusal, allowed, criticality, _permit: permit })
    }

    /// Deadline, criticality and panic guard around the handler, and what became of it.
    async fn answer<F>(&self, work: Work<F>, started: Instant) -> Response
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        let Some(future) = work.future else { return self.panicked() };
        let caught = Step::PanicGuard.around(AssertUnwindSafe(future).catch_unwind());
        let critical = Step::Criticality.around(work.criticality.scope(caught));
        let outcome = Step::Deadline.around(Deadline::since(started, work.allowed.time).scope(critical)).await;

        // A refused body explains whatever the handler made of it.
        if let Some(problem) = work.refusal.and_then(|refusal| refusal.problem(&self.limits)) {
            return problem.into_response();
        }
        match outcome {
            Ok(Err(_panic)) => self.panicked(),
            // A failure after the caller's own time comes of that time: it is told like the end of it.
            Ok(Ok(Ok(response))) if !response.status().is_server_error() || !work.allowed.ended_by_caller(started) => {
                response
            }
            _expired => {
                self.traffic.deadlines_missed.fetch_add(1, Ordering::Relaxed);
                work.allowed.expired().into_response()
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

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;
    use crate::step::trace::{self, Reached};

    async fn traced(request: Request, routes: Router) -> (Response, Vec<Reached>) {
        let border = Border::new("public", Limits::default(), &Registry::new());
        trace::take();
        let response = border.around(routes).oneshot(request).await.expect("a router does not fail");
        (response, trace::take())
    }

    fn request() -> Request {
        let request = Request::post("/echo").header(header::HOST, "localhost").body(Body::from("hello"));
        request.expect("a well-formed request")
    }

    /// The steps whose code ran, in order.
    fn run(trace: &[Reached]) -> Vec<Step> {
        let step = |reached: &Reached| if let Reached::Run(step) = reached { Some(*step) } else { None };
        trace.iter().filter_map(step).collect()
    }

    #[tokio::test]
    async fn a_request_takes_the_steps_in_the_order_of_the_list() {
        let routes = Router::new().route("/echo", post(async |body: String| body));
        let (response, trace) = traced(request(), routes).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(run(&trace), STEPS);
    }

    #[tokio::test]
    async fn steps_around_the_handler_are_nested_in_the_order_of_the_list() {
        let routes = Router::new().route("/echo", post(async |body: String| body));
        let (_response, trace) = traced(request(), routes).await;
        let nested = trace.iter().filter_map(|reached| match reached {
            Reached::Around(step) => Some(*step),
            Reached::Run(_) => None,
        });
        let around = [Step::Deadline, Step::Criticality, Step::PanicGuard];
        let listed: Vec<Step> = STEPS.into_iter().filter(|step| around.contains(step)).collect();
        assert_eq!(nested.collect::<Vec<_>>(), listed);
    }

    #[tokio::test]
    async fn a_refused_request_skips_to_the_problem_documents() {
        let mut request = request();
        request.headers_mut().remove(header::HOST);
        let (response, trace) = traced(request, Router::new()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let refused_at = STEPS.iter().position(|step| *step == Step::Host).expect("the host is checked");
        let answered_at = STEPS.iter().position(|step| *step == Step::ProblemDocuments).expect("it is documented");
        assert_eq!(run(&trace), [&STEPS[..=refused_at], &STEPS[answered_at..]].concat());
    }
}
