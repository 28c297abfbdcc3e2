//! Rules of routes, as a service declares them.

use border::RouteRules;
use clap::Args;

use crate::database::Database;
use crate::service::Service;

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Service<S, D> {
    /// Declares the rules of one route of the public listener: what differs from the other routes. They hold at the border, show in the OpenAPI document and in
    /// the vitals (`http_route_rules`), and are checked at the start: a route that does not exist, a rule looser than that of the listener without a
    /// reason, or a second declaration of the same route is an error.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// # use evenkeel::RouteRules;
    /// # use evenkeel::resilience::Criticality;
    /// Service::new(build_info!())
    ///     .routes(|_context| Router::new().route("/search", get(async || "found")).route("/pay", post(async || "paid")))
    ///     .bulkhead("search", 16)
    ///     .route(RouteRules::of("GET /search").bulkhead("search").criticality(Criticality::Sheddable))
    ///     .route(RouteRules::of("POST /pay").criticality(Criticality::Critical).media_types(&["application/json"]));
    /// ```
    pub fn route(mut self, rules: RouteRules) -> Self {
        self.declared.rules.push(rules);
        self
    }

    /// Declares a bulkhead: so many places, which the routes in it share ([`RouteRules::bulkhead`]) and no others have. A request without a place is
    /// refused at once (503); other routes are not affected.
    pub fn bulkhead(mut self, name: &'static str, places: u32) -> Self {
        self.declared.bulkheads.push((name, places));
        self
    }
}
