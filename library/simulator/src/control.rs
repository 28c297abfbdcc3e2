//! Admission controls that are compared: none, static limits, and evenkeel's.

use std::collections::VecDeque;
use std::time::Duration;

use resilience::Criticality;
use resilience::admission::{
    AdmissionCore, AdmissionRules, AdmissionSnapshot, Arrival, ClientKey, Decision, Ended, Place, Pool, Processors,
    RouteId, RouteRules, Share, Ticket,
};

use crate::workload::Workload;

/// A request, as an admission control sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Number of the request in this simulation.
    pub id: usize,
    /// Index of its kind in [`Workload::kinds`].
    pub kind: usize,
    /// Its class.
    pub class: Criticality,
    /// Its client.
    pub client: u64,
    /// Time since it arrived at the socket.
    pub age: Duration,
}

/// Decision about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its handler runs at once.
    Admit,
    /// It waits for a later verdict.
    Queue,
    /// It is refused.
    Refuse,
}

/// An admission control. Times are virtual, from the start of the simulation.
pub trait Control {
    /// Refuses a request below the HTTP server, before it has cost the rest of its head.
    fn refuse_early(&mut self, _now: Duration, _request: Seen) -> bool {
        false
    }
    /// True when it refuses requests below the HTTP server.
    fn refuses_early(&self) -> bool {
        false
    }
    /// Decides about a request whose head was read.
    fn decide(&mut self, now: Duration, request: Seen) -> Verdict;
    /// Takes back the place of an admitted request.
    fn done(&mut self, now: Duration, id: usize, ended: Ended);
    /// Takes a request out of the queue whose client has left.
    fn left(&mut self, now: Duration, id: usize);
    /// Lets time pass, every 10 ms while the cores have time for it.
    fn tick(&mut self, now: Duration, processors: Processors);
    /// Returns the next queued request with a verdict: true when it is admitted.
    fn next_wake(&mut self) -> Option<(usize, bool)>;
    /// A request begins to wait for a place of a dependency.
    fn waits_for(&mut self, _pool: usize, _kind: usize) {}
    /// A request gave back a place that it held for this time, or stopped to wait for one.
    fn gave_back(&mut self, _pool: usize, _held: Option<Duration>) {}
    /// True when it sees that the client has left before it decides.
    fn sees_departures(&self) -> bool {
        false
    }
    /// State of evenkeel's control, for others none.
    fn snapshot(&self, _now: Duration) -> Option<AdmissionSnapshot> {
        None
    }
}

/// Admits everything.
#[derive(Debug, Default)]
pub struct Unlimited;

impl Control for Unlimited {
    fn decide(&mut self, _now: Duration, _request: Seen) -> Verdict {
        Verdict::Admit
    }
    fn done(&mut self, _now: Duration, _id: usize, _ended: Ended) {}
    fn left(&mut self, _now: Duration, _id: usize) {}
    fn tick(&mut self, _now: Duration, _processors: Processors) {}
    fn next_wake(&mut self) -> Option<(usize, bool)> {
        None
    }
}

/// A fixed number of requests in flight, and a queue that is bounded by time: first in, first out.
#[derive(Debug)]
pub struct StaticLimit {
    limit: u32,
    wait: Duration,
    in_flight: u32,
    queue: VecDeque<(usize, Duration)>,
    wakes: VecDeque<(usize, bool)>,
}

impl StaticLimit {
    /// Creates a limit; requests above it wait for at most this time.
    pub fn new(limit: u32, wait: Duration) -> Self {
        Self { limit, wait, in_flight: 0, queue: VecDeque::new(), wakes: VecDeque::new() }
    }

    fn pump(&mut self, now: Duration) {
        while let Some((id, since)) = self.queue.front().copied() {
            let late = now - since > self.wait;
            if !late && self.in_flight >= self.limit {
                return;
            }
            self.queue.pop_front();
            self.in_flight += u32::from(!late);
            self.wakes.push_back((id, !late));
        }
    }
}

impl Control for StaticLimit {
    fn decide(&mut self, now: Duration, request: Seen) -> Verdict {
        if self.in_flight < self.limit && self.queue.is_empty() {
            self.in_flight += 1;
            return Verdict::Admit;
        }
        if self.wait.is_zero() {
            return Verdict::Refuse;
        }
        self.queue.push_back((request.id, now));
        Verdict::Queue
    }

    fn done(&mut self, now: Duration, _id: usize, _ended: Ended) {
        self.in_flight -= 1;
        self.pump(now);
    }

    fn left(&mut self, _now: Duration, id: usize) {
        self.queue.retain(|(queued, _)| *queued != id);
    }

    fn tick(&mut self, now: Duration, _processors: Processors) {
        self.pump(now);
    }

    fn next_wake(&mut self) -> Option<(usize, bool)> {
        self.wakes.pop_front()
    }
}

/// Evenkeel's admission core.
#[derive(Debug)]
pub struct Evenkeel {
    core: AdmissionCore,
    routes: Vec<RouteId>,
    places: Vec<Option<Place>>,
    tickets: Vec<Option<Ticket>>,
    of_slot: Vec<usize>,
    /// The dependencies whose places it counts; none where it does not know them.
    pools: Vec<Pool>,
}

impl Evenkeel {
    /// Creates the control of a workload: its cores, its objective, and the routes of its kinds.
    ///
    /// # Panics
    /// The workload's objective or number of cores is out of the bounds of [`AdmissionRules`].
    pub fn new(workload: &Workload) -> Self {
        let rules = AdmissionRules::default().cores(workload.cores).objective(workload.objective);
        let mut core = AdmissionCore::new(rules).expect("the rules of a workload are within the bounds");
        let rules = RouteRules::default().objective(workload.objective);
        let route = |kind: &crate::RequestKind| {
            core.route(kind.route, rules).expect("the rules of a workload are within the bounds")
        };
        let routes = workload.kinds.iter().map(route).collect();
        // Nothing has come yet.
        core.report(Duration::ZERO, Processors::default());
        Self { core, routes, places: Vec::new(), tickets: Vec::new(), of_slot: Vec::new(), pools: Vec::new() }
    }

    /// The same control, which knows how many places the dependencies have and who uses them, as of the store's connections.
    #[must_use]
    pub fn counting_places(mut self, workload: &Workload) -> Self {
        self.pools = workload.pools.iter().map(|places| Pool::new(*places)).collect();
        self
    }

    fn arrival(&self, request: Seen) -> Arrival {
        let (route, client) = (self.routes[request.kind], ClientKey(request.client));
        // The kernel tells it in milliseconds.
        let age = Duration::from_millis(request.age.as_millis() as u64);
        Arrival { age, class: request.class, client, route, exempt: false }
    }

    fn keep(&mut self, id: usize, place: Option<Place>, ticket: Option<Ticket>) {
        if self.places.len() <= id {
            self.places.resize_with(id + 1, || None);
            self.tickets.resize(id + 1, None);
        }
        (self.places[id], self.tickets[id]) = (place, ticket);
    }
}

impl Control for Evenkeel {
    fn refuses_early(&self) -> bool {
        true
    }

    fn refuse_early(&mut self, now: Duration, request: Seen) -> bool {
        if !self.core.is_congested(now) {
            return false;
        }
        let arrival = self.arrival(request);
        self.core.ration(now, arrival, true) != Share::Within || self.core.refuse_early(now, arrival, true).is_some()
    }

    fn decide(&mut self, now: Duration, request: Seen) -> Verdict {
        match self.core.decide(now, self.arrival(request)) {
            Decision::Admit(place) => {
                self.keep(request.id, Some(place), None);
                Verdict::Admit
            }
            Decision::Queue(ticket) => {
                self.keep(request.id, None, Some(ticket));
                if self.of_slot.len() <= ticket.slot() {
                    self.of_slot.resize(ticket.slot() + 1, 0);
                }
                self.of_slot[ticket.slot()] = request.id;
                Verdict::Queue
            }
            Decision::Refuse(_) => Verdict::Refuse,
        }
    }

    fn done(&mut self, now: Duration, id: usize, ended: Ended) {
        if let Some(place) = self.places[id].take() {
            self.core.done(now, place, ended);
        }
    }

    fn left(&mut self, now: Duration, id: usize) {
        if let Some(ticket) = self.tickets[id].take() {
            self.core.left(now, ticket);
        }
    }

    fn tick(&mut self, now: Duration, processors: Processors) {
        self.core.report(now, processors);
        self.core.tick(now);
    }

    fn next_wake(&mut self) -> Option<(usize, bool)> {
        let wake = self.core.next_wake()?;
        let id = self.of_slot[wake.ticket.slot()];
        let admitted = wake.verdict.is_ok();
        self.keep(id, wake.verdict.ok(), None);
        Some((id, admitted))
    }

    fn waits_for(&mut self, pool: usize, kind: usize) {
        if let Some(pool) = self.pools.get(pool) {
            self.core.pools_of(self.routes[kind]).uses(pool);
            pool.entered();
        }
    }

    fn gave_back(&mut self, pool: usize, held: Option<Duration>) {
        if let Some(pool) = self.pools.get(pool) {
            pool.left(held);
        }
    }

    fn sees_departures(&self) -> bool {
        true
    }

    fn snapshot(&self, now: Duration) -> Option<AdmissionSnapshot> {
        Some(self.core.snapshot(now))
    }
}
