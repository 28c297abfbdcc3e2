//! Paths that were routed before: their route is known before a request for one of them is routed again.
//!
//! Paths of one route that differ, such as those with an id, are each known after their first request. Bound: [`SLOTS`] paths; a later path takes the slot
//! of an earlier one.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::Method;
use foldhash::quality::RandomState;
use resilience::Criticality;
use resilience::admission::RouteId;

/// Paths that are known at the same time: 32 KiB.
const SLOTS: usize = 4096;
/// Bits of an entry: the route, the class, and the rest of the hash.
const ROUTE: u32 = 9;
const CLASS: u32 = 2;
const REST: u64 = u64::MAX << (ROUTE + CLASS);

/// Routes and classes by method and path.
#[derive(Debug)]
pub(crate) struct KnownPaths {
    /// Clients cannot choose paths that share a slot.
    keys: RandomState,
    slots: Box<[AtomicU64]>,
}

impl KnownPaths {
    pub(crate) fn new() -> Self {
        Self { keys: RandomState::default(), slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Keeps the route of a request that was routed.
    pub(crate) fn learn(&self, method: &Method, path: &str, route: RouteId, class: Criticality) {
        let (slot, rest) = self.slot(method, path);
        let entry = rest | u64::from(route.index()) << CLASS | class as u64;
        // Only written when it changes: every request under congestion reads it.
        if slot.load(Ordering::Relaxed) != entry {
            slot.store(entry, Ordering::Relaxed);
        }
    }

    /// Returns the route of a path, and the route's own class.
    pub(crate) fn get(&self, method: &Method, path: &str) -> Option<(RouteId, Criticality)> {
        let (slot, rest) = self.slot(method, path);
        let entry = slot.load(Ordering::Relaxed);
        if entry & REST != rest {
            return None;
        }
        let class = Criticality::ALL.get((entry & ((1 << CLASS) - 1)) as usize)?;
        let route = (entry >> CLASS) & ((1 << ROUTE) - 1);
        Some((RouteId::of_index(route as u16), *class))
    }

    fn slot(&self, method: &Method, path: &str) -> (&AtomicU64, u64) {
        let hash = self.keys.hash_one((method.as_str(), path));
        // The low bits of the hash give way to route and class, so that the slot is found by the high ones. Zero is an empty slot.
        let rest = (hash | 1 << (ROUTE + CLASS)) & REST;
        (&self.slots[(hash >> 52) as usize % SLOTS], rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_with_its_route_and_class_after_its_first_request_and_others_are_not() {
        let paths = KnownPaths::new();
        let (route, class) = (RouteId::of_index(255), Criticality::Critical);
        assert_eq!(paths.get(&Method::GET, "/payments"), None);
        paths.learn(&Method::GET, "/payments", route, class);
        assert_eq!(paths.get(&Method::GET, "/payments"), Some((route, class)));
        assert_eq!(paths.get(&Method::POST, "/payments"), None);
        assert_eq!(paths.get(&Method::GET, "/payments/1"), None);
        paths.learn(&Method::GET, "/payments", RouteId::OTHER, Criticality::Sheddable);
        assert_eq!(paths.get(&Method::GET, "/payments"), Some((RouteId::OTHER, Criticality::Sheddable)));
    }

    #[test]
    fn more_paths_than_slots_are_never_taken_for_each_other() {
        let paths = KnownPaths::new();
        let path = |number: usize| format!("/{number}");
        let route = |number: usize| RouteId::of_index((number % 256) as u16);
        (0..3 * SLOTS).for_each(|number| paths.learn(&Method::GET, &path(number), route(number), Criticality::Default));
        let known = (0..3 * SLOTS).filter_map(|number| Some((number, paths.get(&Method::GET, &path(number))?)));
        let known: Vec<_> = known.collect();
        assert!(known.len() > SLOTS / 2 && known.len() <= SLOTS, "{}", known.len());
        assert!(known.iter().all(|(number, (of, _))| *of == route(*number)));
    }
}
