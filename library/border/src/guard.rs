//! Handlers behind the border: [`Guard`] runs the steps of [`crate::path::STEPS`] around each request.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use resilience::admission::{RouteId, RoutePools};
use telemetry::set_step;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::border::{Border, Inner};
use crate::cross_origin::{CrossOrigin, Preflight};
use crate::details;
use crate::exchange::Exchange;
use crate::failed_request::{Failing, is_failure};
use crate::glance::Glance;
use crate::identity::identify;
use crate::observers::{Observed, RouteObjectives};
use crate::problem::{documented, needs_document};
use crate::record::Record;
use crate::representation::Wanted;
use crate::route_counts::{METHODS, Route, slot};
use crate::route_guard::Passage;
use crate::step::Step;
use crate::traffic::UNMATCHED;

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
    at_gate: Arc<AtGate>,
    objectives: RouteObjectives,
    border: Arc<Inner>,
    /// The borders of its methods that have rules of their own.
    methods: Option<Arc<[MethodBorder]>>,
}

/// Border of one method of a route.
#[derive(Debug)]
pub(crate) struct MethodBorder {
    pub(crate) method: Method,
    pub(crate) border: Arc<Inner>,
}

/// A route at the gate, a slot a method, made with the first request of each.
#[derive(Debug, Default)]
struct AtGate([OnceLock<GateRoute>; METHODS.len()]);

/// A method of a route at the gate.
#[derive(Debug)]
struct GateRoute {
    /// None where nothing is shed.
    id: Option<RouteId>,
    /// The pools that its requests use.
    pools: RoutePools,
}

impl KnownRoute {
    /// Returns the same route with the border of a method. The rules of GET are those of HEAD too.
    fn of_method(mut self, method: &Method) -> Self {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        if let Some(own) = self.methods.iter().flat_map(|methods| methods.iter()).find(|own| own.method == method) {
            self.border = own.border.clone();
        }
        self
    }

    /// The method at the gate of its border.
    fn at_gate(&self, method: &Method) -> &GateRoute {
        self.at_gate.0[slot(method.as_str())].get_or_init(|| {
            let id = self.border.gate_id(&self.route, method);
            GateRoute { id, pools: id.map(|id| self.border.shed.pools_of(id)).unwrap_or_default() }
        })
    }

    /// The origins whose pages may use a method of the route.
    fn cross_origin(&self, method: &Method) -> Option<CrossOrigin> {
        let own = self.clone().of_method(method);
        own.border.guard.as_ref().and_then(|guard| guard.rules().cross_origin)
    }
}

impl Place {
    fn route(&self, request: &Request) -> KnownRoute {
        let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        match self.route.get() {
            Some(known) if known.route.name() == pattern.unwrap_or(UNMATCHED) => known.clone(),
            _ => {
                let border = self.border.clone();
                let route = border.traffic.route(pattern);
                let at_gate = Arc::default();
                let objectives = border.observers.objectives.of_route(route.name());
                let methods = border.of_route(&route);
                let known = KnownRoute { route, at_gate, objectives, border, methods };
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
        let known = self.place.route(&request);
        let preflight = Preflight::of(request.method(), request.headers());
        let preflight = preflight.map(|preflight| (known.cross_origin(&preflight.method), preflight));
        let known = known.of_method(request.method());
        let GateRoute { id, pools } = known.at_gate(request.method());
        let (id, pools) = (*id, pools.clone());
        let KnownRoute { route, objectives, border, .. } = known;
        let wanted = Wanted::of(request.method(), request.headers(), glance.accepted_codings, glance.condition);
        let compress = border.guard.as_ref().is_some_and(|guard| guard.rules().compress);
        let method = request.method().clone();
        let target = request.uri().path_and_query().cloned();
        let tracer = border.observers.tracer.as_ref();
        let (context, trace) = Step::RequestId.run(|| identify(request.headers(), &glance, tracer, started));
        let request_id = context.request_id.clone();
        // From here on a request that is dropped is counted as cancelled.
        let record = Record::new(border.clone(), route.clone(), method.clone(), target, started, context.trace);
        let mut failing = Failing::of(&border, request.headers());
        let exchange = request.extensions().get::<Arc<Exchange>>();
        let client = exchange.map(|exchange| exchange.connection().client_of(request.headers()));
        let network = client.as_ref().and_then(|client| client.network());
        let mut record = record.of_client(network).observed(Observed {
            trace: trace.clone(),
            objectives,
            request_id: request_id.clone(),
            is_limited_for_all: false,
        });
        let (request, unidentified) = border.with_caller(request);
        let (refused, passage) = Step::RouteRules.run(|| border.pass_rules(&request, started)).unzip();
        if passage.as_ref().is_some_and(Passage::is_limited_for_all) {
            record.limited_for_all();
        }
        let entered = match unidentified.or(refused.flatten()) {
            Some(problem) => Err(problem),
            None => border.enter(request, client, started, &glance, id, &mut self.handler),
        };

        let slot = entered.as_ref().ok().and_then(|work| {
            if let Some(failing) = &mut failing {
                failing.let_in(work.criticality(), work.ends_at(started));
            }
            let slot = border.in_flight.enter(&route, &method, &context, started, work.ends_at(started))?;
            work.show(&slot);
            Some(slot)
        });

        Box::pin(context.scope_in_flight(trace, slot, async move {
            let answer = match entered {
                Ok(work) => pools.scope(border.answer(work, started)).await,
                Err(refusal) => {
                    details::refusal(refusal.status(), refusal.detail());
                    // Whatever was refused before the handler failed by design, but where the service itself could not do it.
                    failing = failing.filter(|_| refusal.status() == StatusCode::INTERNAL_SERVER_ERROR);
                    refusal.into_response()
                }
            };
            failing = failing.filter(|_| is_failure(&answer));
            let answer = match passage {
                Some(passage) => passage.leave(answer),
                None => answer,
            };
            let answer = Step::Representation.run(|| {
                let answer = border.routes.table().allowed().answer(&method, route.name(), answer);
                let answer = match preflight {
                    Some((allowed, preflight)) => preflight.answer(allowed, answer),
                    None => answer,
                };
                wanted.represent(answer, compress)
            });
            let undocumented = Step::ProblemDocuments.run(|| needs_document(&answer));
            let mut response = if undocumented { Box::pin(documented(answer)).await } else { answer };
            Step::Headers.run(|| border.finish(&mut response, &request_id));
            Step::Vitals.run(|| {
                if let Some(failing) = failing {
                    failing.failed(&record, &border, response.status(), Instant::now());
                }
                record.answered(response.status());
            });
            set_step(vitals::Step::Answer);
            Ok(response)
        }))
    }
}
