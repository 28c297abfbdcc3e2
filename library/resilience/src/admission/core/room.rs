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
        let limit = self.limit_of_all(now);
        if f64::from(self.in_flight) + 1.0 <= limit || self.evidence.is_idle(now) {
            return false;
        }
        let share = self.share(limit);
        let counted: f64 = self.routes.iter().map(|route| f64::from(route.in_flight.counted()).min(share)).sum();
        counted + 1.0 > limit
    }

    /// True when a route is at its own limit, or has its share of the limit of all requests, or would wait long for a pool.
    pub(super) fn has_no_room(&self, now: f64, route: u16) -> bool {
        let route = &self.routes[usize::from(route)];
        let has_share = || f64::from(route.in_flight.counted()) + 1.0 > self.share(self.limit_of_all(now));
        let awaits = || self.pools.is_full(now, route.used_pools, route.objective());
        route.is_full(now) || awaits() || (has_share() && !self.evidence.is_idle(now))
    }

    /// Requests of one route that count for the limit of all.
    fn share(&self, limit: f64) -> f64 {
        (SHARE * limit).max(limit.min(LEAST_SHARE * self.cores))
    }
}
