//! Request pipeline: [`Guard`] runs the steps that [`STEPS`] lists.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use resilience::admission::{self, Entry, RouteId};
use resilience::{Criticality, Deadline};
use supervision::{Lifecycle, Phase};
use telemetry::traces::{self, SpanKind};
use tokio::time::Instant;
use tower::{Layer, Service};
use vitals::Registry;

use crate::access_log::AccessLog;
use crate::admission::{Admission, Permit};
use crate::body::{Guarded, Refusal, is_json};
use crate::client::Client;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::forwarded::is_in;
use crate::glance::Glance;
use crate::identity::identify;
use crate::observers::{Observed, Observers, RouteObjectives};
use crate::problem::{documented, needs_document};
use crate::record::Record;
use crate::route_counts::Route;
use crate::route_guard::RouteGuard;
use crate::route_table::RouteTable;
use crate::route_vitals::RouteVitals;
use crate::shed::Shed;
use crate::shed_vitals::ShedVitals;
pub use crate::step::{STEPS, Step};
use crate::traffic::{Traffic, UNMATCHED, Vitals};
use crate::{
    Limits, Problem, criticality, deadline, declared, details, framing, headers, host, prepared, target, unsent,
};

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
    pub(crate) shed: Arc<Shed>,
    access_log: Arc<AccessLog>,
    lifecycle: Option<Lifecycle>,
    vitals: Arc<(Vitals, ShedVitals)>,
    observers: Observers,
    pub(crate) routes: Arc<RouteVitals>,
    /// The rules of the route, where this is the border of one.
    pub(crate) guard: Option<Arc<RouteGuard>>,
}

impl Border {
    /// The border of the listener called `name`, with its vitals registered.
    pub fn new(name: &str, limits: Limits, registry: &Registry) -> Self {
        Self::build(name, limits, registry, None)
    }

    /// Creates a border that also asks clients to leave (`Connection: close`) from [`Phase::Draining`] on.
    pub fn draining_with(name: &str, limits: Limits, registry: &Registry, lifecycle: Lifecycle) -> Self {
        Self::build(name, limits, registry, Some(lifecycle))
    }

    fn build(name: &str, limits: Limits, registry: &Registry, lifecycle: Option<Lifecycle>) -> Self {
        let traffic = Arc::new(Traffic::new(name));
        let admission = Admission::new(limits.in_flight, limits.in_flight_per_address);
        let access_log = Arc::new(AccessLog::new(limits.access_lines));
        let shed = Shed::new(&limits, traffic.clone(), access_log.clone());
        shed.declare(&limits);
        let requests = Vitals::register(registry, &traffic, &admission, shed.clone(), &limits);
        let vitals = Arc::new((requests, ShedVitals::register(registry, name, &shed)));
        let observers = Observers::default();
        let routes = Arc::new(RouteVitals::register(registry, name, RouteTable::empty(&limits)));
        let inner =
            Inner { limits, traffic, admission, shed, access_log, lifecycle, vitals, observers, routes, guard: None };
        Self { inner: Arc::new(inner) }
    }

    /// The limits around routes.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The border of the same listener with other limits for some of its routes: bodies, heads, JSON, deadline, objective and criticality.
    /// Connections, the queue of admission, vitals and the access log are shared.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        self.inner.shed.declare(&limits);
        Self { inner: Arc::new(Inner { limits, ..self.inner.another() }) }
    }

    /// The same border, whose requests these observe. Set it before the border is put around routes.
    #[must_use]
    pub fn observed_by(&self, observers: Observers) -> Self {
        self.inner.shed.observe(&observers.objectives);
        Self { inner: Arc::new(Inner { observers, ..self.inner.another() }) }
    }

    /// Puts the border around all routes and the fallback of a router. The metrics of its routes are there at zero from now on.
    pub fn around(&self, routes: Router) -> Router {
        for (path, methods) in declared::routes(&routes) {
            self.inner.traffic.declare(&path, &methods);
            self.inner.routes.table().has_router(&path, &methods, &self.inner.limits);
        }
        routes.layer(self.clone())
    }
}

impl<S> Layer<S> for Border {
    type Service = Guard<S>;

    fn layer(&self, handler: S) -> Guard<S> {
        Guard { place: Arc::new(Place { border: self.inner.clone(), route: OnceLock::new() }), handler }
    }
}

/// A handler behind the border.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    place: Arc<Place>,
    handler: S,
}

/// Position of a guard: its border, and the route that it wraps.
#[derive(Debug)]
struct Place {
    border: Arc<Inner>,
    /// The route of its first request: mostly of all, as a router puts a guard around each route.
    route: OnceLock<KnownRoute>,
}

/// A route, for the metrics and for the gate.
#[derive(Clone, Debug)]
struct KnownRoute {
    route: Arc<Route>,
    /// None where nothing is shed.
    id: Option<RouteId>,
    objectives: RouteObjectives,
    /// The border of the route.
    border: Arc<Inner>,
    /// The method, where the rules of the route depend on it.
    method: Option<Method>,
}

impl KnownRoute {
    fn is_of(&self, pattern: Option<&str>, method: &Method) -> bool {
        self.route.name() == pattern.unwrap_or(UNMATCHED) && self.method.as_ref().is_none_or(|known| known == method)
    }
}

impl Place {
    fn route(&self, request: &Request) -> KnownRoute {
        let (matched, method) = (request.extensions().get::<MatchedPath>(), request.method());
        let pattern = matched.map(MatchedPath::as_str);
        match self.route.get() {
            Some(known) if known.is_of(pattern, method) => known.clone(),
            _ => {
                let route = self.border.traffic.route(pattern);
                let border = self.border.of_route(route.name(), method).unwrap_or_else(|| self.border.clone());
                let id = border.gate_id(&route);
                let objectives = border.observers.objectives.of_route(route.name());
                let method = self.border.has_rules(matched).then(|| method.clone());
                let known = KnownRoute { route, id, objectives, border, method };
                let _ = self.route.set(known.clone());
                known
            }
        }
    }
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
        let glance = Glance::of(request.headers());
        let KnownRoute { route, id, objectives, border, .. } = self.place.route(&request);
        let method = request.method().clone();
        let target = request.uri().path_and_query().cloned();
        let tracer = border.observers.tracer.as_ref();
        let (context, trace) = Step::RequestId.run(|| identify(request.headers(), &glance, tracer, started));
        let request_id = context.request_id.clone();
        // From here on a request that is dropped is counted as cancelled.
        let record = Record::new(border.access_log.clone(), route, method, target, started, context.trace);
        let record = record.observed(Observed { trace: trace.clone(), objectives, request_id: request_id.clone() });
        let (refused, passage) = Step::RouteRules.run(|| border.pass_rules(&request, started)).unzip();
        let entered = match refused.flatten() {
            Some(problem) => Err(problem),
            None => border.enter(request, started, &glance, id, &mut self.handler),
        };

        Box::pin(context.scope_traced(trace, async move {
            let answer = match entered {
                Ok(work) => border.answer(work, started).await,
                Err(refusal) => {
                    details::refusal(refusal.status(), refusal.detail());
                    refusal.into_response()
                }
            };
            let answer = match passage {
                Some(passage) => passage.leave(answer),
                None => answer,
            };
            let undocumented = Step::ProblemDocuments.run(|| needs_document(&answer));
            let mut response = if undocumented { Box::pin(documented(answer)).await } else { answer };
            Step::Headers.run(|| border.finish(&mut response, &request_id));
            Step::Vitals.run(|| record.answered(response.status()));
            Ok(response)
        }))
    }
}

/// A request that was let in, about to be worked on.
struct Work<F> {
    /// The handler's future; none when the handler panicked before it had one.
    future: Option<Pin<Box<F>>>,
    refusal: Option<Refusal>,
    /// Time budget.
    allowed: deadline::Allowed,
    /// Criticality, when the caller sent one.
    criticality: Option<Criticality>,
    /// Concurrency permit, when no listener of ours keeps it until the answer is taken.
    permit: Option<Permit>,
    /// Its turn to execute.
    turn: Turn,
    exchange: Option<Arc<Exchange>>,
}

/// A request's turn to execute.
enum Turn {
    /// It has its place, or needs none.
    Now(Option<admission::Permit>),
    /// It waits in the queue for its place.
    Queued(Box<admission::Waiting>),
}

impl Turn {
    /// The request is refused for another reason.
    fn give_back(self) {
        if let Self::Now(Some(permit)) = self {
            permit.unmeasured();
        }
    }
}

impl Inner {
    /// The same border for other routes.
    pub(crate) fn another(&self) -> Self {
        Self {
            limits: self.limits.clone(),
            traffic: self.traffic.clone(),
            admission: self.admission.clone(),
            shed: self.shed.clone(),
            access_log: self.access_log.clone(),
            lifecycle: self.lifecycle.clone(),
            vitals: self.vitals.clone(),
            observers: self.observers.clone(),
            routes: self.routes.clone(),
            guard: None,
        }
    }
}

/// The path of a request, in the order of [`STEPS`].
impl Inner {
    /// Admission, the host, the limits of head and body, and the handler's first step.
    fn enter<S>(
        &self,
        request: Request,
        started: Instant,
        glance: &Glance,
        route: Option<RouteId>,
        handler: &mut S,
    ) -> Result<Work<S::Future>, Problem>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        let (head, body) = request.into_parts();
        let exchange = head.extensions.get::<Arc<Exchange>>().cloned();
        let client = exchange.as_ref().map(|exchange| exchange.connection().client_of(&head.headers));
        let age = exchange.as_ref().map_or(Duration::ZERO, |exchange| exchange.connection().age(started));
        let own = self.limits.criticality;
        let class = if glance.criticality { criticality::of(&head.headers, own) } else { own };
        let admitted = Step::Admission.run(|| {
            let network = client.as_ref().and_then(|client| client.network());
            let permit = self.admission.enter(client.filter(|client| self.is_bounded(client)))?;
            let turn = match route {
                Some(route) => {
                    self.shed.learn(&head.method, head.uri.path(), route, own);
                    self.turn(route, class, network, age)?
                }
                None => Turn::Now(None),
            };
            Ok((permit, turn))
        });
        let admitted = admitted.and_then(|(permit, turn)| {
            let checked = self.check(&head, &body, glance, started);
            match checked {
                Ok(allowed) => Ok((permit, turn, allowed)),
                Err(problem) => {
                    turn.give_back();
                    Err(problem)
                }
            }
        });
        let (permit, turn, allowed) = admitted.inspect_err(|problem| {
            if let (StatusCode::NOT_IMPLEMENTED, Some(exchange)) = (problem.status(), &exchange) {
                // Others may see another end of this request.
                exchange.connection().retire();
            }
            // What the peer still sends is read and thrown away, so that the refusal reaches it.
            if let (false, Some(exchange)) = (body.is_end_stream(), &exchange) {
                exchange.connection().leave_unread();
            }
        })?;
        let permit = match &exchange {
            Some(exchange) => {
                exchange.hold(permit);
                None
            }
            None => Some(permit),
        };
        let turn = match (turn, &exchange) {
            (Turn::Now(Some(place)), Some(exchange)) => {
                exchange.place().hold(place);
                Turn::Now(None)
            }
            (turn, _) => turn,
        };
        let (body, refusal) = Step::BodyLimits.run(|| {
            if body.is_end_stream() {
                return (body, None);
            }
            let json = is_json(&head.headers);
            let (guarded, refusal) = Guarded::new(body, json, &self.limits, exchange.clone());
            (Body::new(guarded), Some(refusal))
        });
        let criticality =
            Step::Criticality.run(|| (glance.criticality || class != Criticality::Default).then_some(class));
        let mut request = Request::from_parts(head, body);
        if refusal.is_some() {
            // Our own bound on bodies answers in our own words; the framework's would come first.
            DefaultBodyLimit::disable().apply(&mut request);
        }
        // Boxed once: what it holds (the whole request, at first) would be copied with every layer around it.
        let call = AssertUnwindSafe(|| Box::pin(handler.call(request)));
        let future = Step::PanicGuard.run(|| catch_unwind(call)).ok();
        Ok(Work { future, refusal, allowed, criticality, permit, turn, exchange })
    }

    /// Returns true for a client with bounds of its own.
    pub(crate) fn is_bounded(&self, client: &Client) -> bool {
        let unbounded = &self.limits.unbounded_addresses;
        unbounded.is_empty() || !client.network().is_some_and(|network| is_in(network, unbounded))
    }

    /// The place of a request that is admitted, its wait in the queue, or its refusal.
    fn turn(&self, route: RouteId, class: Criticality, client: Option<IpAddr>, age: Duration) -> Result<Turn, Problem> {
        match self.shed.decide(route, class, client, age) {
            Entry::Admitted(place) => Ok(Turn::Now(Some(place))),
            Entry::Queued(waiting) => Ok(Turn::Queued(Box::new(waiting))),
            Entry::Refused(refused) => Err(prepared::problem(refused.reason)),
        }
    }

    /// Checks the head; returns the time that the request has.
    fn check(
        &self,
        head: &Parts,
        body: &Body,
        glance: &Glance,
        started: Instant,
    ) -> Result<deadline::Allowed, Problem> {
        Step::Host.run(|| host::check(head, glance.hosts))?;
        Step::HeadLimits.run(|| self.check_head(head, glance, body.size_hint().exact()))?;
        Step::Deadline.run(|| match glance.timeout {
            true => deadline::allowed(&head.headers, &self.limits, started),
            false => Ok(deadline::Allowed::of(&self.limits)),
        })
    }

    /// Checks the size of the head and of the declared body, and that the head means one thing alone.
    fn check_head(&self, head: &Parts, glance: &Glance, declared_body: Option<u64>) -> Result<(), Problem> {
        self.limits.check(head, glance.bytes, declared_body)?;
        if self.limits.strict_paths {
            target::check(head.uri.path())?;
        }
        if glance.transfer_coding {
            framing::check_transfer_coding(&head.headers)?;
        }
        if glance.expectation { framing::check_expectation(&head.headers) } else { Ok(()) }
    }

    /// Runs the handler within its deadline, criticality and panic guard, and returns the answer or the problem.
    async fn answer<F>(&self, work: Work<F>, started: Instant) -> Response
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        let Some(future) = work.future else { return self.panicked() };
        let caught = Step::PanicGuard.around(AssertUnwindSafe(future).catch_unwind());
        let deadline = Deadline::since(started, work.allowed.time);
        let place = match work.turn {
            Turn::Now(place) => {
                details::admission(&self.shed, "executed", Duration::ZERO);
                place
            }
            Turn::Queued(waiting) => match waited(tokio::time::timeout_at(deadline.at(), waiting)).await {
                Ok(Ok(place)) => {
                    details::admission(&self.shed, "executed after a wait", started.elapsed());
                    match &work.exchange {
                        Some(exchange) => {
                            exchange.place().hold(place);
                            None
                        }
                        None => Some(place),
                    }
                }
                Ok(Err(refused)) => {
                    details::admission(&self.shed, "refused after a wait", started.elapsed());
                    return prepared::problem(refused.reason).into_response();
                }
                Err(_expired) => return self.expired(&work.allowed),
            },
        };
        let connection = work.exchange.as_ref().map(|exchange| exchange.connection());
        if let Some(exchange) = work.exchange.as_ref().filter(|exchange| !exchange.try_start()) {
            // It does not execute while it waits, and its client is slow: others have its place.
            exchange.place().unmeasured();
            let room = Box::pin(tokio::time::timeout_at(deadline.at(), exchange.start()));
            if room.await.is_err() {
                let detail = format!("{} bytes of earlier answers wait; read them first", self.limits.unsent_bytes);
                return Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
            }
        }
        let outcome = match work.criticality {
            Some(criticality) => {
                let critical = Step::Criticality.around(criticality.scope(caught));
                Step::Deadline.around(deadline.scope(critical)).await
            }
            None => Step::Deadline.around(deadline.scope(Step::Criticality.around(caught))).await,
        };

        // A refused body explains whatever the handler made of it.
        let refused = work.refusal.and_then(|refusal| refusal.problem(&self.limits));
        let response = match (refused, outcome) {
            (Some(problem), _) => problem.into_response(),
            // A failure after the caller's own time comes of that time: it is told like the end of it.
            (None, Ok(Ok(Ok(response))))
                if response.status().is_server_error() && work.allowed.ended_by_caller(started) =>
            {
                self.traffic.deadlines_missed.fetch_add(1, Ordering::Relaxed);
                work.allowed.expired().into_response()
            }
            (None, Ok(Ok(Ok(response)))) => response,
            (None, Ok(Err(_panic))) => self.panicked(),
            (None, Err(_expired)) => self.expired(&work.allowed),
        };
        let response = match connection {
            Some(connection) => held_or_refused(response, connection),
            None => response,
        };
        // Without a listener of ours nobody sees the end of the answer.
        if let Some(place) = place {
            place.answered();
        }
        match work.permit {
            Some(permit) => response.map(|body| permit.held_by(body)),
            None => response,
        }
    }

    fn expired(&self, allowed: &deadline::Allowed) -> Response {
        self.traffic.deadlines_missed.fetch_add(1, Ordering::Relaxed);
        allowed.expired().into_response()
    }

    /// The panic hook has written the reason to the log.
    fn panicked(&self) -> Response {
        self.traffic.panics.fetch_add(1, Ordering::Relaxed);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }

    fn finish(&self, response: &mut Response, request_id: &str) {
        let length = response.body().size_hint().exact();
        let headers = response.headers_mut();
        // An id is made of characters that a header takes.
        let request_id = HeaderValue::from_str(request_id).unwrap_or(HeaderValue::from_static("-"));
        headers::add_defaults(headers, request_id, length);
        if self.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.phase() >= Phase::Draining) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Waits for a place, as a span of the request.
async fn waited<F: Future>(waiting: F) -> F::Output {
    let span = traces::span(SpanKind::Internal, || "admission wait".into());
    let place = waiting.await;
    span.end();
    place
}

/// The answer, or a refusal where it would have to wait for its client beside too many others.
fn held_or_refused(response: Response, connection: &Connection) -> Response {
    match response.body().size_hint().exact() {
        Some(bytes) if bytes >= unsent::SMALL && !connection.unsent.can_hold(bytes) => {
            let detail = "too many bytes of earlier answers wait; read them first";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Duration::from_secs(1)).into_response()
        }
        _ => response,
    }
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

    #[tokio::test]
    async fn without_a_listener_of_ours_the_body_of_the_answer_keeps_the_permit() {
        let border = Border::new("public", Limits::default(), &Registry::new());
        let routes = border.around(Router::new().route("/echo", post(async |body: String| body)));
        let response = routes.oneshot(request()).await.expect("a router does not fail");
        assert_eq!(border.inner.admission.in_flight(), 1);
        drop(response);
        assert_eq!(border.inner.admission.in_flight(), 0);
    }
}
