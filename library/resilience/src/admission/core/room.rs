//! Room for a further request: that of all requests while the processors are overloaded, that of each route, and that of the pools that it uses.

use super::AdmissionCore;

/// Share of the limit of all requests that one route can use, and requests for each core that it can always use.
const SHARE: f64 = 0.75;
const LEAST_SHARE: f64 = 4.0;

impl AdmissionCore {
    /// The limit of all requests: that which was learnt, or as many as are harmless.
    pub(super) fn limit_of_all(&self, now: f64) -> f64 {
        let rate = self.answered.get(now).max(self.answered_now.get(now));
        self.limit.get().max(self.peak.harmless(now, rate, self.objective, self.cores))
    }

    /// True when the processors have as many requests as they can do in time. A route counts with no more than its share: requests beyond it were
    /// admitted while the processors were idle, and wait for something else.
    pub(super) fn is_full(&self, now: f64) -> bool {
        // What is harmless only adds to the limit, and is mostly not asked for.
        if f64::from(self.in_flight) + 1.0 <= self.limit.get() || self.evidence.is_idle(now) {
            return false;
        }
        let limit = self.limit_of_all(now);
        if f64::from(self.in_flight) + 1.0 <= limit {
            return false;
        }
        let share = self.share(limit);
        let counted: f64 = self.routes.iter().map(|route| f64::from(route.in_flight.counted()).min(share)).sum();
        counted + 1.0 > limit
    }

    /// True when a route is at its own limit, or has its share of the limit of all requests, or would wait long for a pool.
    pub(super) fn has_no_room(&self, now: f64, route: u16) -> bool {
        let route = &self.routes[usize::from(route)];
        let exceeds = |limit: f64| f64::from(route.in_flight.counted()) + 1.0 > self.share(limit);
        let has_share = || exceeds(self.limit.get()) && exceeds(self.limit_of_all(now));
        let awaits = || self.pools.is_full(now, route.used_pools, route.objective());
        route.is_full(now) || awaits() || (!self.evidence.is_idle(now) && has_share())
    }

    /// Requests of one route that count for the limit of all.
    fn share(&self, limit: f64) -> f64 {
        (SHARE * limit).max(limit.min(LEAST_SHARE * self.cores))
    }
}
