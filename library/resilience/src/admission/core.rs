//! The admission core: a pure state machine, without clock and I/O. Times are durations since its birth.

mod early;
mod learn;
mod room;
mod standing;
mod state;

use std::collections::VecDeque;
use std::time::Duration;

use self::standing::Standing;
use super::anchored_limit::AnchoredLimit;
use super::class_limits::ClassLimits;
use super::decision::{Arrival, Decision, Ended, Place, RouteId, Ticket, Wake};
use super::peak::Peak;
use super::pool::RoutePools;
use super::pool_room::PoolRoom;
use super::processors::{Evidence, Processors};
use super::quantile::Quantile;
use super::queue::{Entry, MAX_ROUTES, Order, Queue};
use super::rate::Rate;
use super::ration::Ration;
use super::reason::Reason;
use super::route::{LEAST_RECENT, RECENT, Route};
use super::rules::{AdmissionRules, RouteRules};
use crate::criticality::Criticality;
use crate::invalid::InvalidRules;

/// Share of the objective up to which an unread request is fresh: it is executed inline.
const FRESH: f64 = 0.02;
/// Longest time in the queue, as a share of the objective: while standing, and before.
const STANDING_WAIT: f64 = 0.1;
const BURST_WAIT: f64 = 0.8;
/// A queued request is refused after this many times the longest wait, which may have fallen meanwhile.
const WAIT_SLACK: f64 = 1.2;
/// Objectives for which the queue can be empty without an end of the standing queue.
const BREAK: f64 = 0.1;
/// Objectives after which a queue that was never empty is standing, and after which a calm gate widens its limits.
const STANDING_AFTER: f64 = 2.0;
/// A request that waited for longer than this share of the objective suffers, although it is answered: lower classes are cut before it is refused.
const SUFFERED: f64 = 0.2;
/// Fewest requests that may queue, for each core; and in all while the queue is not standing, as little may have been answered yet.
const LEAST_QUEUE: f64 = 4.0;
const LEAST_BURST: f64 = 64.0;

/// Decides which requests execute, wait or are refused.
///
/// Every method is bounded: a decision looks at the slots of at most [`MAX_CLIENTS`](super::MAX_CLIENTS) clients, a tick at [`MAX_QUEUE`](super::MAX_QUEUE) entries.
/// Time must not run backwards.
///
/// ```
/// use std::time::Duration;
/// use evenkeel_resilience::admission::{AdmissionCore, AdmissionRules, Arrival, Decision, Ended, RouteId};
///
/// let mut core = AdmissionCore::new(AdmissionRules::default()).expect("rules");
/// let (now, later) = (Duration::ZERO, Duration::from_millis(3));
/// let Decision::Admit(place) = core.decide(now, Arrival::on(RouteId::OTHER)) else { panic!("an idle gate admits") };
/// core.done(later, place, Ended::Answered);
/// assert_eq!(core.snapshot(later).in_flight, 0);
/// ```
#[derive(Debug)]
pub struct AdmissionCore {
    cores: f64,
    /// Objective of undeclared routes, in seconds; queue and waits are measured by it.
    objective: f64,
    routes: Vec<Route>,
    limit: AnchoredLimit,
    classes: ClassLimits,
    pools: PoolRoom,
    evidence: Evidence,
    ration: Ration,
    queue: Queue,
    wakes: VecDeque<Wake>,
    in_flight: u32,
    long: u32,
    standing: Standing,
    last_congested: f64,
    /// Last moment at which the queue was full or standing.
    last_full: f64,
    relaxed: f64,
    answered: Rate,
    answered_now: Rate,
    peak: Peak,
    /// Time in flight, in objectives.
    h98: Quantile,
    admitted: u64,
}

/// Longest waits in the queue, as shares of the objective.
struct LongestWaits {
    /// Of requests whose clients have little in the queue beside others.
    of_light: f64,
    of_class: [f64; Criticality::ALL.len()],
}

impl LongestWaits {
    fn of(&self, entry: &Entry) -> f64 {
        let of_class = self.of_class[usize::from(entry.class)];
        WAIT_SLACK * if entry.light { of_class.max(self.of_light) } else { of_class }
    }
}

impl AdmissionCore {
    /// Creates a core with one route, [`RouteId::OTHER`].
    ///
    /// # Errors
    /// The rules are invalid.
    pub fn new(rules: AdmissionRules) -> Result<Self, InvalidRules> {
        rules.check()?;
        let (cores, objective) = (f64::from(rules.cores), rules.objective.as_secs_f64());
        Ok(Self {
            cores,
            objective,
            routes: vec![Route::new("other", objective, cores)],
            limit: AnchoredLimit::of_all(cores),
            classes: ClassLimits::default(),
            pools: PoolRoom::default(),
            evidence: Evidence::new(),
            ration: Ration::default(),
            queue: Queue::new(),
            wakes: VecDeque::new(),
            in_flight: 0,
            long: 0,
            standing: Standing::new(),
            last_congested: f64::NEG_INFINITY,
            last_full: f64::NEG_INFINITY,
            relaxed: 0.0,
            answered: Rate::over(1.0),
            answered_now: Rate::over((RECENT * objective).max(LEAST_RECENT)),
            peak: Peak::default(),
            h98: Quantile::new(0.98),
            admitted: 0,
        })
    }

    /// Declares a route. Returns [`RouteId::OTHER`] when there are [`MAX_ROUTES`] already; a name that is declared again keeps its id and rules.
    ///
    /// # Errors
    /// The rules are invalid.
    pub fn route(&mut self, name: &str, rules: RouteRules) -> Result<RouteId, InvalidRules> {
        rules.check()?;
        if let Some(known) = self.routes.iter().position(|route| &*route.name == name) {
            return Ok(RouteId(known as u16));
        }
        if self.routes.len() >= MAX_ROUTES {
            return Ok(RouteId::OTHER);
        }
        self.routes.push(Route::new(name, rules.objective.as_secs_f64(), self.cores));
        Ok(RouteId((self.routes.len() - 1) as u16))
    }

    /// The pools that a route uses: mark them while its requests run.
    pub fn pools_of(&self, route: RouteId) -> RoutePools {
        self.routes[usize::from(self.known(route))].pools.clone()
    }

    /// Decides about a request whose head was read, before its body is. Verdicts about queued requests can follow: see `next_wake`.
    pub fn decide(&mut self, now: Duration, arrival: Arrival) -> Decision {
        let now = now.as_secs_f64();
        if arrival.exempt {
            self.admitted += 1;
            let class = arrival.class;
            return Decision::Admit(Place { started: now, age: 0.0, route: 0, class, counted: false });
        }
        self.pass_time(now);
        let (route, age) = (self.known(arrival.route), arrival.age.as_secs_f64());
        let known = &self.routes[usize::from(route)];
        let is_old = age > FRESH * known.objective();
        if is_old {
            self.evidence.overload();
        }
        let (is_full, route_full) = (self.is_full(now), self.has_no_room(now, route));
        let class_full = !self.classes.has_room(now, arrival.class);
        if class_full {
            self.classes.bound(now, arrival.class);
        }
        let congested = is_full || route_full || class_full || is_old || known.queued > 0;
        self.limit.note(now, self.in_flight, is_full, congested);
        self.routes[usize::from(route)].note(now, congested);
        let known = &self.routes[usize::from(route)];
        if !congested {
            return Decision::Admit(self.admit(now, route, arrival.class, age));
        }
        let wait = self.longest_wait(now, arrival.class) * known.objective();
        let least = self.least_queue(now, arrival.class);
        let share = |rate: f64| (rate * wait).max(least);
        let most_queued = self.most_queued(now, arrival.class, wait);
        // A short queue at a limit that is only just too low is no reason to blame a route.
        if route_full || is_old || 2.0 * self.queue.len() as f64 >= most_queued {
            self.last_congested = now;
        }
        if !known.is_unreachable() && known.is_hopeless(age) {
            self.routes[usize::from(route)].refused_as_hopeless();
            return self.refuse(now, route, arrival.class, Reason::Hopeless);
        }
        let order = self.order(now, arrival.class);
        let (of_route, of_all) = (
            route_full && f64::from(known.queued) >= share(known.best_rate(now)),
            (self.queue.len() + 1) as f64 > most_queued,
        );
        if of_route || of_all {
            let reason = if of_route { Reason::Route } else { Reason::Full };
            match self.queue.victim(arrival.class, arrival.client.0, order, of_route.then_some(route)) {
                Some(victim) => self.evict(now, victim, reason),
                None => return self.refuse(now, route, arrival.class, reason),
            }
        }
        let Some(ticket) = self.queue.push(arrival.class, arrival.client.0, route, age, now) else {
            return self.refuse(now, route, arrival.class, Reason::Full);
        };
        self.routes[usize::from(route)].queued += 1;
        self.standing.queued(now, arrival.class, self.queue.len_from(), BREAK * self.objective);
        self.pump(now);
        Decision::Queue(ticket)
    }

    /// Gives a place back. Verdicts about queued requests can follow.
    pub fn done(&mut self, now: Duration, place: Place, ended: Ended) {
        let now = now.as_secs_f64();
        if !place.counted {
            return;
        }
        self.pass_time(now);
        self.roll(now, usize::from(place.route));
        self.classes.left(place.class);
        self.limit.note(now, self.in_flight, false, false);
        let route = &mut self.routes[usize::from(place.route)];
        route.note(now, false);
        if route.in_flight.leave(place.started) {
            self.in_flight -= 1;
        } else {
            self.long -= 1;
        }
        self.learn(now, &place, ended);
        self.pump(now);
    }

    /// Takes a report about the processors, and lets time pass as `tick` does: to be called every 10 ms. Without reports the limit of all requests always
    /// binds; with them it binds only while they show an overload, as any number of requests can wait for something else.
    pub fn report(&mut self, now: Duration, processors: Processors) {
        self.evidence.report(now.as_secs_f64(), processors);
        if !self.queue.is_empty() {
            self.tick(now);
        }
    }

    /// Takes a request out of the queue whose client has left. Returns false when its verdict was given already: then `next_wake` has returned it,
    /// or will, and a place in it must be given back.
    pub fn left(&mut self, now: Duration, ticket: Ticket) -> bool {
        let now = now.as_secs_f64();
        let Some(entry) = self.queue.remove(ticket) else { return false };
        self.queue.release(ticket);
        self.routes[usize::from(entry.route)].queued -= 1;
        self.note_left(now);
        self.pass_time(now);
        true
    }

    /// Lets time pass: refuses requests that have waited for too long, and admits others. To be called every 10 ms while requests are queued.
    pub fn tick(&mut self, now: Duration) {
        let now = now.as_secs_f64();
        for route in 0..self.routes.len() {
            self.roll(now, route);
        }
        self.pass_time(now);
        let longest = self.longest_waits(now);
        let late = |entry: &Entry| now - entry.queued > longest.of(entry) * self.objective_of(entry.route);
        let late: Vec<Ticket> = self.queue.iter().filter(|(_, entry)| late(entry)).map(|(ticket, _)| ticket).collect();
        for ticket in late {
            self.evict(now, ticket, Reason::Waited);
        }
        self.pump(now);
    }

    /// Returns the next verdict about a queued request. To be called until there is none after `decide`, `done`, `left` and `tick`.
    pub fn next_wake(&mut self) -> Option<Wake> {
        let wake = self.wakes.pop_front()?;
        self.queue.release(wake.ticket);
        Some(wake)
    }

    /// Queued requests.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// True while the age of requests matters: requests are queued, or there was congestion within the last two objectives.
    pub fn is_congested(&self, now: Duration) -> bool {
        !self.queue.is_empty() || now.as_secs_f64() - self.last_congested < STANDING_AFTER * self.objective
    }

    /// True while the queue has not been empty for two objectives.
    pub fn is_standing(&self, now: Duration) -> bool {
        self.order(now.as_secs_f64(), Criticality::Sheddable) == Order::NewestFirst
    }

    /// Admits queued requests while there are places. Bounded: each round takes one out of the queue.
    fn pump(&mut self, now: f64) {
        if self.queue.is_empty() {
            return;
        }
        // A queue of bounded time has nobody at its end who is late: to serve the newest first would let others wait in vain.
        let order = Order::OldestFirst;
        let longest = self.longest_waits(now);
        while !self.queue.is_empty() && !self.is_full(now) {
            let class_has_room = |class| self.classes.has_room(now, class);
            let Some(ticket) = self.queue.next(order, class_has_room, &mut |route| !self.has_no_room(now, route))
            else {
                return;
            };
            let Some(entry) = self.queue.remove(ticket) else { return };
            let route = &mut self.routes[usize::from(entry.route)];
            route.queued -= 1;
            let waited = now - entry.queued;
            let verdict = if waited > longest.of(&entry) * route.objective() {
                Err(Reason::Waited)
            } else if !route.is_unreachable() && route.is_hopeless(entry.age + waited) {
                Err(Reason::Hopeless)
            } else {
                self.queue.charge(&entry);
                if waited > SUFFERED * route.objective() {
                    self.classes.ended(now, entry.class(), true);
                }
                Ok(())
            };
            let verdict = match verdict {
                Ok(()) => Ok(self.admit(now, entry.route, entry.class(), entry.age)),
                Err(reason) => {
                    let route = &mut self.routes[usize::from(entry.route)];
                    if reason == Reason::Hopeless {
                        route.refused_as_hopeless();
                    }
                    route.refused[reason.index()] += 1;
                    self.classes.refused(now, entry.class(), reason);
                    Err(reason)
                }
            };
            self.wakes.push_back(Wake { ticket, verdict });
            self.note_left(now);
        }
    }

    fn admit(&mut self, now: f64, route: u16, class: Criticality, age: f64) -> Place {
        self.roll(now, usize::from(route));
        self.admitted += 1;
        self.in_flight += 1;
        let known = &mut self.routes[usize::from(route)];
        known.in_flight.enter(now);
        if let Some(pools) = known.pools.admitted() {
            known.used_pools = self.pools.numbers(now, &pools);
        }
        self.pools.admitted(now, known.used_pools);
        self.classes.admitted(now, class);
        Place { started: now, age, route, class, counted: true }
    }

    fn refuse(&mut self, now: f64, route: u16, class: Criticality, reason: Reason) -> Decision {
        self.classes.refused(now, class, reason);
        self.routes[usize::from(route)].refused[reason.index()] += 1;
        Decision::Refuse(reason)
    }

    fn evict(&mut self, now: f64, ticket: Ticket, reason: Reason) {
        let Some(entry) = self.queue.remove(ticket) else { return };
        let route = &mut self.routes[usize::from(entry.route)];
        route.queued -= 1;
        route.refused[reason.index()] += 1;
        self.classes.refused(now, entry.class(), reason);
        self.wakes.push_back(Wake { ticket, verdict: Err(reason) });
        self.note_left(now);
    }

    fn note_left(&mut self, now: f64) {
        self.standing.left(now, self.queue.len_from());
    }

    /// Requests that take long stop counting, and limits widen while there is no congestion.
    fn pass_time(&mut self, now: f64) {
        let calm = STANDING_AFTER * self.objective;
        if now - self.last_congested > calm && now - self.relaxed > calm {
            self.relaxed = now;
            self.limit.forget();
            self.routes.iter_mut().for_each(|route| route.relax(now));
            for route in 0..self.routes.len() {
                self.roll(now, route);
            }
        }
    }

    fn roll(&mut self, now: f64, route: usize) {
        let long = self.routes[route].in_flight.roll(now);
        self.in_flight -= long;
        self.long += long;
    }

    /// The end of the queue from which requests of a class are refused: a queue that stands helps only its newest.
    fn order(&self, now: f64, class: Criticality) -> Order {
        let after = STANDING_AFTER * self.objective;
        let stands = self.standing.is_standing(now, after, self.queue.is_empty(), BREAK * self.objective);
        if stands && !self.standing.is_served_first(now, class, after) {
            Order::NewestFirst
        } else {
            Order::OldestFirst
        }
    }

    /// Longest wait of a class in the queue, as a share of the objective.
    fn longest_wait(&self, now: f64, class: Criticality) -> f64 {
        let most = if self.order(now, class) == Order::NewestFirst { STANDING_WAIT } else { BURST_WAIT };
        most.min(BURST_WAIT - self.h98.get()).max(STANDING_WAIT)
    }

    fn longest_waits(&self, now: f64) -> LongestWaits {
        let of_light = BURST_WAIT - self.h98.get();
        LongestWaits { of_light, of_class: Criticality::ALL.map(|class| self.longest_wait(now, class)) }
    }

    /// Requests that may queue at any rate of answers.
    fn least_queue(&self, now: f64, class: Criticality) -> f64 {
        let least = LEAST_QUEUE * self.cores;
        if self.order(now, class) == Order::NewestFirst { least } else { least.max(LEAST_BURST) }
    }

    fn objective_of(&self, route: u16) -> f64 {
        self.routes[usize::from(route)].objective()
    }

    fn known(&self, route: RouteId) -> u16 {
        if usize::from(route.0) < self.routes.len() { route.0 } else { RouteId::OTHER.0 }
    }
}
