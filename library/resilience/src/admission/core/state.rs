//! The state of the core, for vitals and tests.

use std::time::Duration;

use super::AdmissionCore;
use crate::admission::reason::Reason;
use crate::admission::route::Route;
use crate::admission::snapshot::{AdmissionSnapshot, RouteSnapshot};
use crate::criticality::Criticality;

impl AdmissionCore {
    /// Returns the state.
    pub fn snapshot(&self, now: Duration) -> AdmissionSnapshot {
        let seconds = now.as_secs_f64();
        let mut refused = [0; Reason::ALL.len()];
        for route in &self.routes {
            refused.iter_mut().zip(route.refused).for_each(|(sum, of_route)| *sum += of_route);
        }
        AdmissionSnapshot {
            limit: self.limit_of_all(seconds),
            idle: self.evidence.is_idle(seconds),
            in_flight: self.in_flight,
            long: self.long,
            queued: Criticality::ALL.map(|class| self.queue.len_of(class)),
            class_limits: Criticality::ALL.map(|class| self.classes.get(seconds, class)),
            longest_wait: Duration::from_secs_f64(self.longest_wait(seconds, Criticality::Sheddable) * self.objective),
            standing: self.is_standing(now),
            base: self.limit.base(),
            admitted: self.admitted,
            refused,
            routes: self.routes.iter().map(|route| Self::snapshot_of(route, seconds)).collect(),
        }
    }

    fn snapshot_of(route: &Route, now: f64) -> RouteSnapshot {
        RouteSnapshot {
            name: route.name.clone(),
            objective: Duration::from_secs_f64(route.declared()),
            unreachable: route.is_unreachable(),
            limit: route.limit(now),
            in_flight: route.in_flight.counted(),
            long: route.in_flight.long(),
            queued: route.queued,
            base: route.base().map(Duration::from_secs_f64),
            p90: Duration::from_secs_f64(route.h90()),
            rate: route.rate(now),
            refused: route.refused,
        }
    }
}
