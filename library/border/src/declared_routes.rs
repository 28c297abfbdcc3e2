//! Declared routes at a border: their declaration, and the passage of a request through the rules of its route.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::Method;
use resilience::admission::RouteId;
use tokio::time::Instant;
use vitals::Registry;

use crate::Problem;
use crate::access::Access;
use crate::border::{Border, Inner};
use crate::exchange::Exchange;
use crate::guard::MethodBorder;
use crate::invalid_route::InvalidRouteRules;
use crate::limits::Limits;
use crate::route_counts::{METHODS, Route, slot};
use crate::route_guard::{Passage, RouteGuard};
use crate::route_rules::RouteRules;
use crate::route_table::{Loosened, RouteTable};
use crate::route_vitals::RouteVitals;

impl Border {
    /// The same border with rules for some routes, and with named bulkheads and their numbers of places. Declare them before the border is put around
    /// routes; the last declaration counts.
    ///
    /// # Errors
    /// The first mistake, with what to do.
    pub fn declaring(
        &self,
        rules: Vec<RouteRules>,
        bulkheads: &[(&'static str, u32)],
        registry: &Registry,
    ) -> Result<Self, InvalidRouteRules> {
        let table = RouteTable::new(rules, bulkheads, &self.inner.limits)?;
        let needs_caller = |route: &&Arc<RouteGuard>| route.rules().needs_caller();
        if let (Some(route), None) = (table.routes().iter().find(needs_caller), &self.inner.callers) {
            return Err(InvalidRouteRules::NoCaller { route: route.rules().route().to_owned() });
        }
        for route in table.routes() {
            self.inner.shed.declare(&route.rules().limits(&self.inner.limits));
        }
        let mut inner = self.inner.another();
        inner.routes = Arc::new(RouteVitals::register(registry, self.inner.traffic.listener(), table));
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the routes with looser rules than those of the listener, and why. Groups of routes with limits of their own
    /// ([`Border::with_limits`]) are known once the border is around them.
    pub fn loosened(&self) -> Vec<Loosened> {
        self.inner.routes.table().loosened()
    }

    /// Returns the declared routes with their access: public, closed, or none where nothing is declared.
    pub fn accesses(&self) -> Vec<(&'static str, Option<Access>)> {
        let of = |route: &Arc<RouteGuard>| (route.rules().route(), route.rules().access());
        self.inner.routes.table().routes().iter().map(of).collect()
    }

    /// Checks that routers have all declared routes; ask when the border is around all of them.
    ///
    /// # Errors
    /// The first declared route that no router has.
    pub fn check_declared(&self) -> Result<(), InvalidRouteRules> {
        self.inner.routes.table().unrouted().map_or(Ok(()), Err)
    }
}

impl Inner {
    /// The borders of the methods of a route that have rules of their own; none where no method has.
    pub(crate) fn of_route(&self, route: &Route) -> Option<Arc<[MethodBorder]>> {
        let of_method = |guard: &Arc<RouteGuard>| {
            let mut inner = self.another();
            inner.limits = guard.rules().limits(&self.limits);
            inner.guard = Some(guard.clone());
            // The declaration was checked: its method is one.
            let method = Method::from_bytes(guard.rules().method().as_bytes()).ok()?;
            Some(MethodBorder { method, border: Arc::new(inner) })
        };
        let methods: Arc<[MethodBorder]> = self.routes.table().of_path(route.name()).filter_map(of_method).collect();
        (!methods.is_empty()).then_some(methods)
    }

    /// Returns the request with its caller where its route needs it, and a refusal where that fails.
    pub(crate) fn with_caller(&self, request: Request) -> (Request, Option<Problem>) {
        match self.callers.as_ref().filter(|_| self.guard.as_ref().is_some_and(|guard| guard.rules().needs_caller())) {
            Some(callers) => callers.identified(request),
            None => (request, None),
        }
    }

    /// Lets a request pass the rules of its route; none where there are none.
    pub(crate) fn pass_rules(&self, request: &Request, started: Instant) -> Option<(Option<Problem>, Passage)> {
        let guard = self.guard.as_ref()?;
        let exchange = request.extensions().get::<Arc<Exchange>>();
        let client = || match exchange.map(|exchange| exchange.connection().client_of(request.headers())) {
            Some(client) => self.is_bounded(&client).then(|| client.network()),
            None => Some(None),
        };
        let (refused, passage) = guard.enter(request, client, started);
        if let (Some(_), false, Some(exchange)) =
            (&refused, axum::body::HttpBody::is_end_stream(request.body()), exchange)
        {
            // What the peer still sends is read and thrown away, so that the refusal reaches it.
            exchange.connection().leave_unread();
        }
        Some((refused, passage))
    }

    /// The id of a method of a route at the gate. What writes has limits of its own, as it takes other resources than what reads; so has what has an
    /// objective of its own: declared in its rules, or shorter than that of its limits in the objectives of the service.
    pub(crate) fn gate_id(&self, route: &Route, method: &Method) -> Option<RouteId> {
        let own = self.guard.as_ref().filter(|guard| guard.rules().objective.is_some());
        let of_method = |method: &Method| format!("{} {}", METHODS[slot(method.as_str())], route.name());
        match (own, self.promised(route, method)) {
            (Some(guard), None) => self.shed.route(guard.rules().route(), &self.limits),
            (_, Some(limits)) => self.shed.route(&of_method(read_as(method)), &limits),
            (None, None) if method.is_safe() => self.shed.route(route.name(), &self.limits),
            (None, None) => self.shed.route(&of_method(method), &self.limits),
        }
    }

    /// The limits with the objective that the service promises for a method of a route, where it is shorter.
    fn promised(&self, route: &Route, method: &Method) -> Option<Limits> {
        let promise = self.observers.objectives.promise_of(read_as(method).as_str(), route.name())?;
        let is_shorter = self.limits.objective.is_some_and(|objective| promise < objective);
        is_shorter.then(|| self.limits.clone().with(|limits| limits.objective = Some(promise)))
    }
}

/// The method under which a method is declared: HEAD is a GET.
fn read_as(method: &Method) -> &Method {
    if method == Method::HEAD { &Method::GET } else { method }
}
