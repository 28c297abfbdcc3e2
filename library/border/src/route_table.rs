//! The declared routes of a listener, and the bulkheads that they share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::allowed_methods::AllowedMethods;
use crate::bulkheads::{MAX_PLACES, NamedBulkhead};
use crate::invalid_route::InvalidRouteRules;
use crate::limits::Limits;
use crate::route_guard::RouteGuard;
use crate::route_rules::RouteRules;

/// The most routes that are listed as loosened by limits of their group.
const MAX_GROUPED: usize = 1000;

/// The declared routes of a listener.
#[derive(Debug)]
pub(crate) struct RouteTable {
    /// Limits of the listener.
    listener: Limits,
    routes: Vec<Arc<RouteGuard>>,
    bulkheads: Vec<Arc<NamedBulkhead>>,
    /// Routes in groups with limits of their own that are looser than those of the listener.
    grouped: Mutex<Vec<Loosened>>,
    allowed: AllowedMethods,
}

/// A route with rules that are looser than those of its listener.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loosened {
    /// The method and the pattern of the route; the pattern alone where a group of routes is looser.
    pub route: String,
    /// The names of the limits.
    pub what: String,
    /// The reason; empty for a group of routes, which has none.
    pub reason: &'static str,
}

impl RouteTable {
    /// No declared routes, at a listener with these limits.
    pub(crate) fn empty(listener: &Limits) -> Self {
        Self {
            listener: listener.clone(),
            routes: Vec::new(),
            bulkheads: Vec::new(),
            grouped: Mutex::default(),
            allowed: AllowedMethods::default(),
        }
    }

    /// Checks the declarations. Bulkheads are names with their numbers of places.
    pub(crate) fn new(
        rules: Vec<RouteRules>,
        bulkheads: &[(&'static str, u32)],
        listener: &Limits,
    ) -> Result<Self, InvalidRouteRules> {
        let mut table = Self::empty(listener);
        let wrong = |name: &str, wrong| InvalidRouteRules::Bulkhead { bulkhead: name.to_owned(), wrong };
        for (name, places) in bulkheads {
            if table.bulkhead(name).is_some() {
                return Err(wrong(name, "is declared twice; declare it once"));
            }
            if !(1..=MAX_PLACES).contains(places) {
                return Err(wrong(name, "must have from 1 to 1,000,000 places"));
            }
            if !rules.iter().any(|rules| rules.bulkhead == Some(name)) {
                return Err(wrong(name, "has no route; put a route into it, or remove it"));
            }
            table.bulkheads.push(Arc::new(NamedBulkhead::new(name, *places)));
        }
        for rules in rules {
            if table.routes.iter().any(|known| known.rules().route() == rules.route()) {
                return Err(InvalidRouteRules::Twice { route: rules.route().to_owned() });
            }
            let bulkhead = rules.bulkhead.and_then(|name| table.bulkhead(name));
            table.routes.push(Arc::new(RouteGuard::new(rules, listener, bulkhead, Instant::now())?));
        }
        Ok(table)
    }

    fn bulkhead(&self, name: &str) -> Option<Arc<NamedBulkhead>> {
        self.bulkheads.iter().find(|known| &*known.name() == name).cloned()
    }

    /// The declared routes of a pattern, one a method.
    pub(crate) fn of_path(&self, pattern: &str) -> impl Iterator<Item = &Arc<RouteGuard>> {
        self.routes.iter().filter(move |route| route.rules().path() == pattern)
    }

    pub(crate) const fn listener(&self) -> &Limits {
        &self.listener
    }

    pub(crate) fn routes(&self) -> &[Arc<RouteGuard>] {
        &self.routes
    }

    pub(crate) fn bulkheads(&self) -> &[Arc<NamedBulkhead>] {
        &self.bulkheads
    }

    /// Notes that a router has a pattern for these methods, or for all when there are none, in a group with these limits.
    pub(crate) fn has_router(&self, pattern: &str, methods: &[&'static str], limits: &Limits) {
        self.allowed.note(pattern, methods);
        self.group(pattern, &limits.looser_than(&self.listener));
        for route in self.of_path(pattern) {
            if methods.is_empty() || methods.contains(&route.rules().method()) {
                route.has_router();
            }
        }
    }

    pub(crate) const fn allowed(&self) -> &AllowedMethods {
        &self.allowed
    }

    /// Notes a pattern of a group whose limits are looser than those of the listener.
    fn group(&self, pattern: &str, what: &[&'static str]) {
        let loosened = Loosened { route: pattern.to_owned(), what: what.join(", "), reason: "" };
        let mut grouped = self.grouped();
        if !what.is_empty() && grouped.len() < MAX_GROUPED && !grouped.contains(&loosened) {
            grouped.push(loosened);
        }
    }

    /// Returns the first declared route that no router has.
    pub(crate) fn unrouted(&self) -> Option<InvalidRouteRules> {
        let route = self.routes.iter().find(|route| !route.is_routed())?;
        Some(InvalidRouteRules::Unrouted { route: route.rules().route().to_owned() })
    }

    /// Returns the routes with looser rules than those of the listener.
    pub(crate) fn loosened(&self) -> Vec<Loosened> {
        let declared = self.routes.iter().filter(|route| !route.loosened().is_empty()).map(|route| Loosened {
            route: route.rules().route().to_owned(),
            what: route.loosened().join(", "),
            reason: route.rules().reason.unwrap_or_default(),
        });
        declared.chain(self.grouped().iter().cloned()).collect()
    }

    fn grouped(&self) -> MutexGuard<'_, Vec<Loosened>> {
        self.grouped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(rules: Vec<RouteRules>, bulkheads: &[(&'static str, u32)]) -> String {
        RouteTable::new(rules, bulkheads, &Limits::default()).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[tokio::test]
    async fn mistakes_in_declarations_are_named() {
        let search = || RouteRules::of("GET /search").bulkhead("search");
        assert_eq!(message(vec![search()], &[("search", 1)]), "");
        for (rules, bulkheads, words) in [
            (vec![search()], &[][..], "\"search\", which is not declared"),
            (vec![search(), search()], &[("search", 1)][..], "GET /search are declared twice"),
            (vec![search()], &[("search", 0)][..], "from 1 to 1,000,000 places"),
            (vec![search()], &[("search", 1), ("search", 2)][..], "\"search\" is declared twice"),
            (vec![search()], &[("search", 1), ("pay", 2)][..], "\"pay\" has no route"),
            (vec![RouteRules::of("POST /a").media_types(&["json"])], &[][..], "\"json\""),
            (
                vec![RouteRules::of("POST /a").media_types(&["application/json; charset=utf-8"])],
                &[][..],
                "without parameters",
            ),
            (vec![RouteRules::of("GET /a").cache_control("a\nb")], &[][..], "cache-control"),
        ] {
            let message = message(rules, bulkheads);
            assert!(message.contains(words), "{message}");
        }
    }

    #[tokio::test]
    async fn a_route_without_a_router_is_found() {
        let rules = vec![RouteRules::of("GET /a"), RouteRules::of("POST /b")];
        let table = RouteTable::new(rules, &[], &Limits::default()).unwrap();
        let limits = Limits::default();
        table.has_router("/a", &[], &limits);
        table.has_router("/b", &["GET"], &limits);
        assert!(table.unrouted().unwrap().to_string().contains("POST /b"));
        table.has_router("/b", &["GET", "POST"], &limits);
        assert_eq!(table.unrouted(), None);
    }
}
