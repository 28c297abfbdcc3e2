//! Refusals before the route of a request is known, and the length of the queue that decides about them.

use std::time::Duration;

use super::{AdmissionCore, FRESH};
use crate::admission::decision::{Arrival, RouteId};
use crate::admission::queue::{MAX_QUEUE, Order};
use crate::admission::ration::Share;
use crate::admission::reason::Reason;
use crate::admission::route::Route;
use crate::criticality::Criticality;

/// Share of the objective after which a request of unknown route is too old.
const HOPELESS: f64 = 0.9;

/// Seconds for which a queue that has room again counts as full: requests come in clumps.
const FULL: f64 = 0.1;

impl AdmissionCore {
    /// Counts a request, and returns [`Share::FarOver`] when its client asks for far more than its share of the requests that can be read, while the processors
    /// are overloaded and the queue is full or standing: refuse it then. Ask once for each request, before `refuse_early` and `decide`. `known`: its route is
    /// that of the arrival.
    pub fn ration(&mut self, now: Duration, arrival: Arrival, known: bool) -> Share {
        let now = now.as_secs_f64();
        if arrival.exempt || self.evidence.is_idle(now) {
            return Share::Within;
        }
        let route = known.then(|| self.known(arrival.route));
        let (routes, answered, answered_now) = (&self.routes, &self.answered, &self.answered_now);
        let answers = |route: Option<u16>| match route {
            Some(route) => routes[usize::from(route)].best_rate(now),
            None => answered.get(now).max(answered_now.get(now)),
        };
        let share = self.ration.takes(now, route, arrival.class, arrival.client.0, &answers);
        let lowest = Criticality::Sheddable;
        let most_queued = self.most_queued(now, lowest, self.longest_wait(now, lowest) * self.objective);
        if (self.queue.len() + 1) as f64 > most_queued || self.order(now, lowest) == Order::NewestFirst {
            self.last_full = now;
        } else if now - self.last_full > FULL {
            // The queue takes a burst, also one of handlers that take long and have answered little yet.
            return Share::Within;
        }
        if share != Share::FarOver {
            // The queue decides about the others: how much a route can do shows late, at the start of an overload too late.
            return Share::Within;
        }
        self.last_congested = now;
        self.routes[usize::from(RouteId::OTHER.0)].refused[Reason::Share.index()] += 1;
        share
    }

    /// Refuses a request cheaply where it is clear what `decide` would say: the limit of all requests is reached or its route has no room, the queue is full,
    /// and no other client has more in it; or it is older than its objective. `known`: its route is that of the arrival; else it is refused only when it
    /// would be on any route. None: `decide` decides. Refusals are counted to [`RouteId::OTHER`].
    pub fn refuse_early(&mut self, now: Duration, arrival: Arrival, known: bool) -> Option<Reason> {
        let now = now.as_secs_f64();
        if arrival.exempt || self.queue.is_empty() {
            return None;
        }
        let route = known.then(|| self.known(arrival.route));
        let has_room = |route: u16| !self.has_no_room(now, route);
        if !self.is_full(now) && self.classes.has_room(now, arrival.class) && route.is_none_or(has_room) {
            return None;
        }
        let age = arrival.age.as_secs_f64();
        let is_late = |route: &Route| !route.is_unreachable() && age > HOPELESS * route.objective();
        let wait = self.longest_wait(now, arrival.class) * self.objective;
        let is_full = (self.queue.len() + 1) as f64 > self.most_queued(now, arrival.class, wait);
        let all_late = match route {
            Some(route) => is_late(&self.routes[usize::from(route)]),
            None => self.routes.iter().all(is_late),
        };
        let reason = if all_late {
            Reason::Hopeless
        } else if is_full && !self.queue.would_make_room(arrival.class, arrival.client.0) {
            Reason::Full
        } else {
            return None;
        };
        self.pass_time(now);
        self.limit.note(now, self.in_flight, true, age > FRESH * self.objective);
        self.last_congested = now;
        self.routes[usize::from(RouteId::OTHER.0)].refused[reason.index()] += 1;
        if known {
            if !self.classes.has_room(now, arrival.class) {
                self.classes.bound(now, arrival.class);
            }
            self.classes.refused(now, arrival.class, reason);
        }
        Some(reason)
    }

    /// The most requests that wait: those that are answered within `longest_wait`, in seconds.
    pub(super) fn most_queued(&self, now: f64, class: Criticality, longest_wait: f64) -> f64 {
        let rate = self.answered.get(now).max(self.answered_now.get(now));
        (rate * longest_wait).max(self.least_queue(now, class)).min(MAX_QUEUE as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::decision::{ClientKey, Decision, Ended, Place};
    use crate::admission::rules::AdmissionRules;

    const START: Duration = Duration::from_secs(10);

    /// A core that has answered 1,000 requests a second until now.
    fn core() -> AdmissionCore {
        let mut core = AdmissionCore::new(AdmissionRules::default().cores(1)).unwrap();
        for step in 1..1000 {
            let now = START - Duration::from_millis(1000 - step);
            let Decision::Admit(place) = core.decide(now, arrival(0)) else { panic!("an idle gate admits") };
            core.done(now + Duration::from_millis(1), place, Ended::Answered);
        }
        core
    }

    fn arrival(client: u64) -> Arrival {
        Arrival { client: ClientKey(client), ..Arrival::on(RouteId::OTHER) }
    }

    /// Fills the places and then the queue with requests of one client; returns the places.
    fn fill(core: &mut AdmissionCore, client: u64) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..2 * MAX_QUEUE {
            if core.refuse_early(START, arrival(client), true).is_some() {
                return places;
            }
            if let Decision::Admit(place) = core.decide(START, arrival(client)) {
                places.push(place);
            }
        }
        panic!("the queue is never full");
    }

    #[test]
    fn a_full_queue_refuses_early_what_it_would_not_make_room_for() {
        let mut core = core();
        assert_eq!(core.refuse_early(START, arrival(1), true), None, "an idle gate decides itself");
        let _places = fill(&mut core, 1);
        assert_eq!(core.refuse_early(START, arrival(1), true), Some(Reason::Full));
        assert_eq!(core.refuse_early(START, arrival(2), true), None, "another client has less than its share");
        let critical = Arrival { class: Criticality::Critical, ..arrival(1) };
        assert_eq!(core.refuse_early(START, critical, true), None, "a lower class makes room");
        let sheddable = Arrival { class: Criticality::Sheddable, ..arrival(2) };
        assert_eq!(core.refuse_early(START, sheddable, true), Some(Reason::Full));
        assert_eq!(core.refuse_early(START, Arrival::exempt(), true), None);
    }

    #[test]
    fn a_request_older_than_its_objective_is_refused_early_while_others_wait() {
        let mut core = core();
        let old = Arrival { age: Duration::from_millis(460), ..arrival(1) };
        while let Decision::Admit(_place) = core.decide(START, arrival(2)) {}
        assert_eq!(core.refuse_early(START, old, true), Some(Reason::Hopeless));
    }
}
