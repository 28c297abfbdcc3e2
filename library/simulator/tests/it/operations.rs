//! Random sequences of operations on the core.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_simulator::Random;
use resilience::Criticality;
use resilience::admission::{
    AdmissionCore, AdmissionRules, Arrival, ClientKey, Decision, Ended, MAX_QUEUE, Place, RouteId, RouteRules, Ticket,
};

const OBJECTIVE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(10);
/// 0.8 objectives, and a fifth more, and a tick.
const LONGEST_WAIT: Duration = Duration::from_millis(480 + 10);
const SEQUENCES: u64 = 15;
const STEPS: u32 = 1500;

struct Queued {
    since: Duration,
    class: Criticality,
    route: usize,
}

/// A core, and what a caller knows about it.
struct Model {
    core: AdmissionCore,
    random: Random,
    now: Duration,
    next_tick: Duration,
    routes: Vec<RouteId>,
    running: Vec<(Place, Duration)>,
    queued: BTreeMap<(usize, u64), (Ticket, Queued)>,
    number: u64,
    ends: [u64; 4],
}

/// Indices of `ends`.
const ADMITTED: usize = 0;
const REFUSED: usize = 1;
const LEFT: usize = 2;
const ARRIVED: usize = 3;

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let rules = AdmissionRules::default().cores(1 + random.below(4)).objective(OBJECTIVE);
        let mut core = AdmissionCore::new(rules).unwrap();
        let rules = RouteRules::default().objective(OBJECTIVE);
        let mut routes = vec![RouteId::OTHER];
        routes.extend((0..3).map(|route| core.route(&format!("route {route}"), rules).unwrap()));
        Self {
            core,
            random,
            now: Duration::ZERO,
            next_tick: TICK,
            routes,
            running: Vec::new(),
            queued: BTreeMap::new(),
            number: 0,
            ends: [0; 4],
        }
    }

    fn ticket_key(&self, ticket: Ticket) -> (usize, u64) {
        let of_slot = self.queued.iter().filter(|(_, (queued, _))| *queued == ticket).map(|(key, _)| *key).next();
        of_slot.expect("a verdict is about a request that is queued, and comes once")
    }

    /// A random operation, and all verdicts that follow.
    fn step(&mut self, busy: f64) {
        self.now += Duration::from_secs_f64(self.random.exponential(0.001));
        if self.now >= self.next_tick {
            self.core.tick(self.now);
            self.next_tick = self.now + TICK;
        } else if self.random.fraction() < busy {
            self.arrive();
        } else {
            self.leave_or_end();
        }
        self.take_verdicts();
        self.compare();
    }

    fn arrive(&mut self) {
        let class = Criticality::ALL[self.random.below(3) as usize];
        let route = self.random.below(4) as usize;
        let age = if self.random.fraction() < 0.3 { self.random.below(400) } else { 0 };
        let arrival = Arrival {
            age: Duration::from_millis(u64::from(age)),
            class,
            client: ClientKey(u64::from(self.random.below(400))),
            route: self.routes[route],
            exempt: false,
        };
        self.ends[ARRIVED] += 1;
        let idle = self.queued.values().all(|(_, queued)| queued.route != route);
        match self.core.decide(self.now, arrival) {
            Decision::Admit(place) => {
                assert!(idle, "a request is admitted at once while others of its route wait");
                self.ends[ADMITTED] += 1;
                self.run(place);
            }
            Decision::Queue(ticket) => {
                self.number += 1;
                let queued = Queued { since: self.now, class, route };
                self.queued.insert((ticket.slot(), self.number), (ticket, queued));
            }
            Decision::Refuse(_) => self.ends[REFUSED] += 1,
        }
    }

    fn run(&mut self, place: Place) {
        let until = self.now + Duration::from_secs_f64(self.random.exponential(0.02).min(0.3));
        self.running.push((place, until));
    }

    fn leave_or_end(&mut self) {
        if self.random.fraction() < 0.1 && !self.queued.is_empty() {
            let index = self.random.below(self.queued.len() as u32) as usize;
            let key = *self.queued.keys().nth(index).unwrap();
            let (ticket, _) = self.queued.remove(&key).unwrap();
            assert!(self.core.left(self.now, ticket), "a queued request can leave");
            assert!(!self.core.left(self.now, ticket), "and only once");
            self.ends[LEFT] += 1;
            return;
        }
        let Some(index) = self.running.iter().position(|(_, until)| *until <= self.now) else { return };
        let (place, _) = self.running.swap_remove(index);
        let ended = match self.random.below(10) {
            0 => Ended::Cancelled,
            1 => Ended::Unmeasured,
            _ => Ended::Answered,
        };
        self.core.done(self.now, place, ended);
    }

    fn take_verdicts(&mut self) {
        let mut lowest: Option<Criticality> = None;
        while let Some(wake) = self.core.next_wake() {
            let key = self.ticket_key(wake.ticket);
            let (_, queued) = self.queued.remove(&key).unwrap();
            let waited = self.now - queued.since;
            assert!(waited <= LONGEST_WAIT, "{waited:?} in the queue");
            match wake.verdict {
                Ok(place) => {
                    lowest = Some(lowest.map_or(queued.class, |lowest| lowest.min(queued.class)));
                    self.ends[ADMITTED] += 1;
                    self.run(place);
                }
                Err(_) => self.ends[REFUSED] += 1,
            }
        }
        // Room only shrinks while requests are admitted: a route that has room now had it before.
        let snapshot = self.core.snapshot(self.now);
        for (_, queued) in self.queued.values() {
            let route = &snapshot.routes[queued.route];
            let has_room = route.limit.is_none_or(|limit| f64::from(route.in_flight) + 1.0 <= limit);
            let inverted = has_room && lowest.is_some_and(|lowest| lowest < queued.class);
            assert!(!inverted, "{:?} waits while {lowest:?} is admitted", queued.class);
        }
    }

    fn compare(&self) {
        let snapshot = self.core.snapshot(self.now);
        assert_eq!((snapshot.in_flight + snapshot.long) as usize, self.running.len());
        assert_eq!(snapshot.queued.iter().sum::<u32>() as usize, self.queued.len());
        assert_eq!(self.core.queued(), self.queued.len());
        assert!(self.queued.len() <= MAX_QUEUE);
        assert!(snapshot.limit.is_finite() && snapshot.limit >= 2.0, "{}", snapshot.limit);
        for route in &snapshot.routes {
            assert!(route.limit.is_none_or(|limit| limit.is_finite() && limit >= 1.0), "{route:?}");
        }
        let [admitted, refused, left, arrived] = self.ends;
        assert_eq!(admitted + refused + left + self.queued.len() as u64, arrived);
    }

    /// Ends everything that runs or waits.
    fn drain(&mut self) {
        for _ in 0..100_000 {
            if self.running.is_empty() && self.queued.is_empty() {
                return;
            }
            self.now += TICK;
            self.core.tick(self.now);
            self.take_verdicts();
            while let Some(index) = self.running.iter().position(|(_, until)| *until <= self.now) {
                let (place, _) = self.running.swap_remove(index);
                self.core.done(self.now, place, Ended::Answered);
                self.take_verdicts();
            }
        }
        panic!("{} run and {} wait for ever", self.running.len(), self.queued.len());
    }
}

#[test]
fn every_request_ends_once_in_a_place_a_refusal_or_a_departure() {
    let (mut queued, mut refused) = (0, 0);
    for seed in 0..SEQUENCES {
        let mut model = Model::new(seed);
        for step in 0..STEPS {
            // Busy and calm times in turn.
            model.step(if step / 300 % 2 == 0 { 0.8 } else { 0.3 });
        }
        queued += model.number;
        refused += model.ends[REFUSED];
        model.drain();
        model.compare();
        assert_eq!(model.core.snapshot(model.now).in_flight, 0);
    }
    assert!(queued > 1000 && refused > 1000, "the sequences queue {queued} and refuse {refused}");
}

#[test]
fn a_light_load_is_never_refused_after_any_prefix() {
    for seed in 100..100 + SEQUENCES {
        let mut model = Model::new(seed);
        (0..STEPS / 2).for_each(|_| model.step(0.9));
        model.drain();
        for request in 0..50 {
            model.now += Duration::from_millis(20);
            model.core.tick(model.now);
            match model.core.decide(model.now, Arrival::on(model.routes[request % 4])) {
                Decision::Admit(place) => {
                    model.now += Duration::from_millis(5);
                    model.core.done(model.now, place, Ended::Answered);
                }
                other => panic!("{other:?} for request {request} after sequence {seed}"),
            }
        }
    }
}

#[test]
fn exempt_requests_are_admitted_and_not_counted_under_every_load() {
    let mut model = Model::new(7);
    for _ in 0..STEPS {
        model.step(0.95);
        let before = model.core.snapshot(model.now);
        match model.core.decide(model.now, Arrival::exempt()) {
            Decision::Admit(place) => {
                assert_eq!(model.core.snapshot(model.now).in_flight, before.in_flight);
                model.core.done(model.now, place, Ended::Answered);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(model.ends[REFUSED] > 100, "{:?}", model.ends);
}

#[test]
fn the_queue_is_bounded_and_its_entries_are_used_again() {
    let rules = AdmissionRules::default().cores(1024).objective(OBJECTIVE);
    let mut core = AdmissionCore::new(rules).unwrap();
    let mut now = Duration::ZERO;
    // Fast answers first, so that the queue may be long.
    for _ in 0..60_000 {
        now += Duration::from_micros(5);
        if let Decision::Admit(place) = core.decide(now, Arrival::on(RouteId::OTHER)) {
            core.done(now, place, Ended::Answered);
        }
    }
    let mut places = Vec::new();
    for client in 0..20_000 {
        now += Duration::from_nanos(100);
        let arrival = Arrival { client: ClientKey(client), ..Arrival::on(RouteId::OTHER) };
        if let Decision::Admit(place) = core.decide(now, arrival) {
            places.push(place);
        }
        assert!(core.queued() <= MAX_QUEUE);
        while let Some(wake) = core.next_wake() {
            assert!(wake.ticket.slot() <= MAX_QUEUE);
        }
    }
    assert_eq!(core.queued(), MAX_QUEUE);
}

#[test]
fn handlers_that_hang_do_not_close_the_gate_for_ever() {
    let mut core = AdmissionCore::new(AdmissionRules::default().cores(1).objective(OBJECTIVE)).unwrap();
    let mut hung = Vec::new();
    let mut now = Duration::ZERO;
    for _ in 0..2000 {
        now += TICK;
        core.tick(now);
        if let Decision::Admit(place) = core.decide(now, Arrival::on(RouteId::OTHER)) {
            hung.push(place);
        }
        while let Some(wake) = core.next_wake() {
            hung.extend(wake.verdict.ok());
        }
    }
    let snapshot = core.snapshot(now);
    assert!(snapshot.long > 16 && snapshot.in_flight <= snapshot.limit as u32, "{snapshot:?}");
    // Eight objectives later the places are free.
    now += 9 * OBJECTIVE;
    core.tick(now);
    assert!(matches!(core.decide(now, Arrival::on(RouteId::OTHER)), Decision::Admit(_)));
    for place in hung {
        core.done(now, place, Ended::Answered);
    }
    let snapshot = core.snapshot(now);
    assert_eq!((snapshot.in_flight, snapshot.long), (1, 0));
}
