//! Lessons of the end of a request: for the limits, for the base latencies, and about the route that is to blame for slow requests.

use super::AdmissionCore;
use crate::admission::anchored_limit::Change;
use crate::admission::decision::{Ended, Place};
use crate::admission::route::{Lesson, Route, Sample};

/// Times the work of a route that another one has which is to blame.
const BLAMED: f64 = 2.0;
/// A cancelled request counts as one that took this share of the objective, if its client had waited for that share.
const CANCELLED: f64 = 1.5;
const GAVE_UP: f64 = 0.5;

impl AdmissionCore {
    /// Learns from a request that ended.
    pub(super) fn learn(&mut self, now: f64, place: &Place, ended: Ended) {
        let route = &self.routes[usize::from(place.route)];
        let (objective, effective) = (route.declared(), route.objective());
        let handled = now - place.started;
        let mut latency = place.age + handled;
        match ended {
            Ended::Unmeasured => return,
            Ended::Cancelled if latency < GAVE_UP * objective => return,
            Ended::Cancelled => latency = latency.max(CANCELLED * objective),
            Ended::Answered => {
                self.answered.add(now);
                self.answered_now.add(now);
                self.peak.note(now, self.answered.settled(now));
            }
        }
        self.classes.ended(now, place.class, latency > effective);
        self.h98.add(handled / effective);
        let congested = self.last_congested >= place.started - place.age;
        let cancelled = ended == Ended::Cancelled;
        let (handled, in_flight) = (latency - place.age, f64::from(self.in_flight));
        let sample = Sample {
            started: place.started,
            latency,
            handled,
            cancelled,
            congested,
            in_flight,
            all_limit: self.limit_of_all(now),
        };
        let is_idle = self.evidence.is_idle(now);
        let may_close = is_idle && !self.others_are_to_blame(now, place.route);
        match self.routes[usize::from(place.route)].sample(now, sample, may_close) {
            Lesson::None => {}
            // One question at a time: the cuts of a route would hide what those of all have done.
            Lesson::Slow if is_idle || self.limit.is_judged() => {}
            // Lower classes are cut first.
            Lesson::Slow if self.classes.has_lower(now, place.class) => {}
            Lesson::Slow => {
                let blamed = self.to_blame(now, place.route);
                self.routes[usize::from(blamed)].blame(now, place.started, in_flight);
            }
            Lesson::InVain { mean } => self.limit.raise_base(now, mean / effective),
        }
        if let Some(base) = self.routes[usize::from(place.route)].base() {
            self.limit.guess_base(base / effective);
        }
        if self.limit.sample(now, place.started, latency / effective, place.age / effective, !is_idle) == Change::Undone
        {
            self.routes.iter_mut().for_each(Route::raise_base);
        }
    }

    /// True while a route waits that has far less work than another one that waits: that one is to be limited first.
    fn others_are_to_blame(&self, now: f64, route: u16) -> bool {
        let own = &self.routes[usize::from(route)];
        if !own.is_waiting() {
            return false;
        }
        let work = BLAMED * own.work(now);
        self.routes.iter().any(|other| other.is_waiting() && other.work(now) > work)
    }

    /// The route with the most work; that of the slow request when it has at least half as much.
    fn to_blame(&self, now: f64, slow: u16) -> u16 {
        let work = |route: usize| self.routes[route].work(now);
        let most = (0..self.routes.len()).max_by(|one, other| work(*one).total_cmp(&work(*other))).unwrap_or(0);
        if work(usize::from(slow)) >= work(most) / 2.0 { slow } else { most as u16 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::admission::decision::{Arrival, Decision, RouteId};
    use crate::admission::reason::Reason;
    use crate::admission::rules::AdmissionRules;

    /// Decision about a request that was unread for 600 ms, after requests of which the fastest and the slowest ones took this long in flight.
    fn said_of_an_old_request(fastest: f64, slowest: f64) -> Decision {
        let mut core = AdmissionCore::new(AdmissionRules::default().cores(1)).unwrap();
        for _ in 0..300 {
            core.routes[0].h10.add(fastest);
            core.routes[0].h90.add(slowest);
        }
        core.decide(Duration::from_secs(10), Arrival { age: Duration::from_millis(600), ..Arrival::on(RouteId::OTHER) })
    }

    #[test]
    fn an_old_request_is_refused_also_where_most_have_waited_in_flight_for_longer_than_the_objective() {
        let refused = |decision| matches!(decision, Decision::Refuse(Reason::Hopeless));
        assert!(refused(said_of_an_old_request(0.01, 0.02)));
        assert!(refused(said_of_an_old_request(0.01, 0.8)));
        // Where none is answered in time, a refusal would help nobody.
        assert!(!refused(said_of_an_old_request(0.6, 0.8)));
    }
}
