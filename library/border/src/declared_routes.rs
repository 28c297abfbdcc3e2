//! Declared routes at a border: their declaration, and the passage of a request through the rules of its route.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use resilience::admission::RouteId;
use tokio::time::Instant;
use vitals::Registry;

use crate::Problem;
use crate::exchange::Exchange;
use crate::invalid_route::InvalidRouteRules;
use crate::path::{Border, Inner};
use crate::route_counts::Route;
use crate::route_guard::Passage;
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

    /// Checks that routers have all declared routes; ask when the border is around all of them.
    ///
    /// # Errors
    /// The first declared route that no router has.
    pub fn check_declared(&self) -> Result<(), InvalidRouteRules> {
        self.inner.routes.table().unrouted().map_or(Ok(()), Err)
    }
}

impl Inner {
    /// The border of one route; none where it is that of all routes.
    pub(crate) fn of_route(&self, pattern: &str, method: &Method) -> Option<Arc<Self>> {
        let guard = self.routes.table().get(pattern, method)?.clone();
        let mut inner = self.another();
        inner.limits = guard.rules().limits(&self.limits);
        inner.guard = Some(guard);
        Some(Arc::new(inner))
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

    /// The id of a route at the gate: one of its own where its declaration has an objective.
    pub(crate) fn gate_id(&self, route: &Route) -> Option<RouteId> {
        let own = self.guard.as_ref().filter(|guard| guard.rules().objective.is_some());
        self.shed.route(own.map_or(route.name(), |guard| guard.rules().route()), &self.limits)
    }

    /// Returns true where the rules of a route depend on its method.
    pub(crate) fn has_rules(&self, pattern: Option<&MatchedPath>) -> bool {
        pattern.is_some_and(|pattern| self.routes.table().has_path(pattern.as_str()))
    }
}
