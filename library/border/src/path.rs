//! Request pipeline: the steps that [`STEPS`] lists, from the head to the answer.

use std::any::Any;
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use resilience::admission::{self, Entry, RouteId};
use resilience::{Criticality, Deadline};
use supervision::Phase;
use telemetry::errors::note_panic;
use telemetry::in_step;
use telemetry::traces::{self, SpanKind};
use tokio::time::Instant;
use tower::Service;
use vitals::{InFlightSlot, Step as InFlightStep};

use crate::admission::Permit;
use crate::body::{Depth, Guarded, Refusal, is_json};
use crate::border::Inner;
use crate::client::Client;
use crate::connection::Connection;
use crate::content_coding::ContentCoding;
use crate::cross_site::{self, Scheme};
use crate::decoded_body::Decoded;
use crate::exchange::Exchange;
use crate::failed_request::Shed;
use crate::forwarded::is_in;
use crate::glance::Glance;
pub use crate::guard::Guard;
pub use crate::step::{STEPS, Step};
use crate::{
    Problem, content_coding, criticality, deadline, details, framing, headers, host, prepared, target, unsent,
    websocket_origin,
};

/// A request that was let in, about to be worked on.
pub(crate) struct Work<F> {
    /// The handler's future; the payload of its panic when it had none.
    future: Result<Pin<Box<F>>, Panic>,
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

/// The payload of a panic.
type Panic = Box<dyn Any + Send>;

/// A request's turn to execute.
enum Turn {
    /// It has its place, or needs none.
    Now(Option<admission::Permit>),
    /// It waits in the queue for its place.
    Queued(Box<admission::Waiting>),
}

impl<F> Work<F> {
    /// The time at which it is ended.
    pub(crate) fn ends_at(&self, started: Instant) -> Option<Instant> {
        started.checked_add(self.allowed.time)
    }

    /// Its criticality, when the caller or the limits set one.
    pub(crate) fn criticality(&self) -> Option<Criticality> {
        self.criticality
    }

    /// Keeps its slot among the requests in flight until its answer is taken.
    pub(crate) fn show(&self, slot: &Arc<InFlightSlot>) {
        if let Some(exchange) = &self.exchange {
            exchange.show(slot.clone());
        }
    }
}

impl Turn {
    /// The request is refused for another reason.
    fn give_back(self) {
        if let Self::Now(Some(permit)) = self {
            permit.unmeasured();
        }
    }
}

/// The path of a request, in the order of [`STEPS`].
impl Inner {
    /// Admission, the host, the limits of head and body, and the handler's first step.
    pub(crate) fn enter<S>(
        &self,
        request: Request,
        client: Option<Arc<Client>>,
        started: Instant,
        glance: &Glance,
        route: Option<RouteId>,
        handler: &mut S,
    ) -> Result<Work<S::Future>, Problem>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        let (mut head, body) = request.into_parts();
        let exchange = head.extensions.get::<Arc<Exchange>>().cloned();
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
                Ok((allowed, coding)) => Ok((permit, turn, allowed, coding)),
                Err(problem) => {
                    turn.give_back();
                    Err(problem)
                }
            }
        });
        let (permit, turn, allowed, coding) = admitted.inspect_err(|problem| {
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
            let (guarded, refusal) = Guarded::new(body, json && coding.is_none(), &self.limits, exchange.clone());
            let body = Body::new(guarded);
            let Some(coding) = coding else { return (body, Some(refusal)) };
            head.headers.remove(header::CONTENT_ENCODING);
            head.headers.remove(header::CONTENT_LENGTH);
            let depth = json.then(|| Depth::new(self.limits.json_depth));
            let decoded = Decoded::new(coding, body, self.limits.body_bytes, depth, refusal.clone());
            (Body::new(decoded), Some(refusal))
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
        let future = Step::PanicGuard.run(|| catch_unwind(call));
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
    ) -> Result<(deadline::Allowed, Option<ContentCoding>), Problem> {
        Step::Host.run(|| host::check(head, glance.hosts))?;
        Step::HeadLimits.run(|| self.check_head(head, glance, body.size_hint().exact()))?;
        Step::CrossSite.run(|| self.check_origin(head))?;
        let allowed = Step::Deadline.run(|| match glance.timeout {
            true => deadline::allowed(&head.headers, &self.limits, started),
            false => Ok(deadline::Allowed::of(&self.limits)),
        })?;
        let is_coded = glance.content_coding && !body.is_end_stream();
        let rules = self.guard.as_ref().map(|guard| guard.rules());
        if glance.upgrade {
            websocket_origin::check(&head.headers, &head.uri, rules)?;
        }
        let coding = match rules {
            _ if !is_coded => None,
            Some(rules) if rules.coded_as_sent => None,
            rules => content_coding::check(&head.headers, rules.map_or(&[], |rules| rules.codings))?,
        };
        Ok((allowed, coding))
    }

    /// Refuses a cross-site request that changes state, unless the route takes them.
    fn check_origin(&self, head: &Parts) -> Result<(), Problem> {
        if self.limits.cross_site {
            return Ok(());
        }
        let cross_origin = self.guard.as_ref().and_then(|guard| guard.rules().cross_origin);
        if cross_origin.is_some_and(|allowed| allowed.covers(&head.headers)) {
            return Ok(());
        }
        let exchange = head.extensions.get::<Arc<Exchange>>();
        let scheme = exchange.map_or(Scheme::Unknown, |exchange| exchange.connection().scheme(&head.headers));
        cross_site::check(head, scheme, &self.limits.trusted_origins).inspect_err(|_| {
            self.traffic.cross_site.fetch_add(1, Ordering::Relaxed);
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
    pub(crate) async fn answer<F>(&self, work: Work<F>, started: Instant) -> Response
    where
        F: Future<Output = Result<Response, Infallible>>,
    {
        let future = match work.future {
            Ok(future) => future,
            Err(panic) => return self.panicked(&*panic),
        };
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
                    let mut refusal = prepared::problem(refused.reason).into_response();
                    refusal.extensions_mut().insert(Shed);
                    return refusal;
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
        let _handler = in_step(InFlightStep::Handler);
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
            (None, Ok(Err(panic))) => self.panicked(&*panic),
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
    fn panicked(&self, panic: &(dyn Any + Send)) -> Response {
        note_panic(panic);
        self.traffic.panics.fetch_add(1, Ordering::Relaxed);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }

    pub(crate) fn finish(&self, response: &mut Response, request_id: &str) {
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
mod tests;
