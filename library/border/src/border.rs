//! Border of a listener: its limits, and the parts that its routes share.

use std::sync::Arc;

use axum::Router;
use supervision::Lifecycle;
use vitals::Registry;

use crate::access_log::AccessLog;
use crate::admission::Admission;
use crate::caller::Identify;
use crate::observers::Observers;
use crate::requests_in_flight::RequestsInFlight;
use crate::route_guard::RouteGuard;
use crate::route_table::RouteTable;
use crate::route_vitals::RouteVitals;
use crate::shed::Shed;
use crate::shed_vitals::ShedVitals;
use crate::traffic::{Traffic, Vitals};
use crate::{Limits, declared};

/// The border of one listener. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Border {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) limits: Limits,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) shed: Arc<Shed>,
    pub(crate) access_log: Arc<AccessLog>,
    pub(crate) in_flight: Arc<RequestsInFlight>,
    pub(crate) lifecycle: Option<Lifecycle>,
    vitals: Arc<(Vitals, ShedVitals)>,
    pub(crate) observers: Observers,
    /// Reads the caller of a request, where a route needs it.
    pub(crate) callers: Option<Identify>,
    pub(crate) routes: Arc<RouteVitals>,
    /// The rules of the route, where this is the border of one.
    pub(crate) guard: Option<Arc<RouteGuard>>,
}

impl Border {
    /// The border of the listener called `name`, with its vitals registered.
    pub fn new(name: &str, limits: Limits, registry: &Registry) -> Self {
        Self::build(name, limits, registry, None)
    }

    /// Creates a border that also asks clients to leave (`Connection: close`) from [`supervision::Phase::Draining`] on.
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
        let in_flight = RequestsInFlight::register(registry, name, limits.in_flight);
        let observers = Observers::default();
        let routes = Arc::new(RouteVitals::register(registry, name, RouteTable::empty(&limits)));
        let inner = Inner {
            limits,
            traffic,
            admission,
            shed,
            access_log,
            in_flight,
            lifecycle,
            vitals,
            observers,
            callers: None,
            routes,
            guard: None,
        };
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

    /// The same border, which reads the callers of routes that need them ([`RouteRules::closed`](crate::RouteRules::closed),
    /// [`RouteRules::caller_rate_limit`](crate::RouteRules::caller_rate_limit)). Set it before [`Self::declaring`].
    #[must_use]
    pub fn identified_by(&self, callers: Identify) -> Self {
        Self { inner: Arc::new(Inner { callers: Some(callers), ..self.inner.another() }) }
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

impl Inner {
    /// The same border for other routes.
    pub(crate) fn another(&self) -> Self {
        Self {
            limits: self.limits.clone(),
            traffic: self.traffic.clone(),
            admission: self.admission.clone(),
            shed: self.shed.clone(),
            access_log: self.access_log.clone(),
            in_flight: self.in_flight.clone(),
            lifecycle: self.lifecycle.clone(),
            vitals: self.vitals.clone(),
            observers: self.observers.clone(),
            callers: self.callers.clone(),
            routes: self.routes.clone(),
            guard: None,
        }
    }
}
