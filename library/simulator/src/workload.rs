//! A workload: the server, its requests, and the load over time.

use std::time::Duration;

use resilience::Criticality;

use crate::random::Random;

/// A server under load. Build it from [`Workload::new`], or take one of [`crate::workloads`].
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name in reports.
    pub name: String,
    /// Seed of all random draws.
    pub seed: u64,
    /// Threads that execute tasks.
    pub cores: u32,
    /// Latency objective: an answer within it is goodput.
    pub objective: Duration,
    /// Time after which a client leaves and closes its connection.
    pub patience: Duration,
    /// Waits of a client before it tries again, for each further attempt after a refusal or a timeout.
    pub retries: Vec<Duration>,
    /// Kinds of requests.
    pub kinds: Vec<RequestKind>,
    /// Places of each dependency; further calls wait there, first in, first out.
    pub pools: Vec<u32>,
    /// Load over time, in the order of their starts; the first one starts at 0.
    pub phases: Vec<Phase>,
    /// End of the simulation.
    pub end: Duration,
    /// Start of the measurement.
    pub measured_from: Duration,
    /// Costs of what the server does beside the handlers.
    pub costs: Costs,
}

/// A kind of request.
#[derive(Clone, Debug)]
pub struct RequestKind {
    /// Its share of the load, by weight.
    pub weight: f64,
    /// Its route.
    pub route: &'static str,
    /// Its class.
    pub class: Criticality,
    /// Its clients.
    pub clients: Clients,
    /// The most connections of each of its clients, each with one request at a time; further requests wait for one, unread. None: no bound.
    pub connections: Option<u32>,
    /// Work of its handler.
    pub work: Work,
}

/// Clients of a kind of request.
#[derive(Clone, Copy, Debug)]
pub enum Clients {
    /// This many, each with the same share.
    Many(u32),
    /// One of its own, with this number from 1,000,000 on.
    One(u32),
}

/// Work of a handler.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Computes, and yields to other tasks after each slice.
    Yielding {
        /// Time of computing.
        time: Time,
        /// Longest time between yields.
        slice: Duration,
    },
    /// Computes without yielding.
    Hard(Time),
    /// Calls a dependency.
    Dependency {
        /// Index of its places in [`Workload::pools`].
        pool: usize,
        /// Time that a place is taken.
        time: Time,
    },
    /// Holds a place of a dependency while it asks for one thing after the other, as a transaction does. Between them its task has to get its turn on a
    /// core, so busy cores make it hold the place for longer.
    Transaction {
        /// Index of its places in [`Workload::pools`].
        pool: usize,
        /// Answers that it waits for.
        statements: u32,
        /// Time until each of them.
        each: Time,
    },
}

/// Distribution of a time.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    /// Always this.
    Fixed(Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// Uniform from the first to the second.
    Uniform(Duration, Duration),
    /// Log-normal, with the mean and the deviation of the logarithm.
    LogNormal(Duration, f64),
    /// The second one with this probability, else the first one.
    Either(Duration, Duration, f64),
}

/// Load from a moment on.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// Its start.
    pub from: Duration,
    /// Requests per second.
    pub rate: f64,
    /// Factor of the time of all work.
    pub slowness: f64,
    /// Factor of the time that dependencies take, beside `slowness`; [`SILENT`]: no call that begins now ends.
    pub waits: f64,
}

/// Factor of the time of a dependency that does not answer.
pub const SILENT: f64 = 1e9;

/// Costs of what the server does beside the handlers.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Looking at the head of a request below the HTTP server, where the control decides there.
    pub scan: Duration,
    /// Refusing a request below the HTTP server, beside looking at its head.
    pub prepared: Duration,
    /// Reading the head of a request, and writing its answer.
    pub head: Duration,
    /// Refusing a request, beside reading its head.
    pub refusal: Duration,
    /// Closing and accepting the connection of a client that left.
    pub reconnect: Duration,
    /// Polls of tasks after which the sockets are looked at, when the run queue is not empty.
    pub polls_between_io: u32,
}

impl Default for Costs {
    /// 10 us, 8 us, 20 us, 61 polls (tokio's default): with its head, a refusal takes 18 us, and 7 us below the HTTP server.
    fn default() -> Self {
        let micros = Duration::from_micros;
        Self {
            scan: micros(2),
            prepared: micros(5),
            head: micros(10),
            refusal: micros(8),
            reconnect: micros(20),
            polls_between_io: 61,
        }
    }
}

impl Default for Phase {
    /// No load from the start on, and work at its normal speed.
    fn default() -> Self {
        Self { from: Duration::ZERO, rate: 0.0, slowness: 1.0, waits: 1.0 }
    }
}

impl Workload {
    /// Creates a workload without load: one core, an objective of 500 ms, clients that leave after 1 s and do not try again.
    pub fn new(name: impl Into<String>, kinds: Vec<RequestKind>) -> Self {
        Self {
            name: name.into(),
            seed: 1,
            cores: 1,
            objective: Duration::from_millis(500),
            patience: Duration::from_secs(1),
            retries: Vec::new(),
            kinds,
            pools: Vec::new(),
            phases: Vec::new(),
            end: Duration::ZERO,
            measured_from: Duration::ZERO,
            costs: Costs::default(),
        }
    }

    /// The same workload with this load: a warm-up at `warm` requests per second until `from`, then `rate` until `end`; measured from 2 s
    /// after the change on, or from the middle when that is earlier.
    #[must_use]
    pub fn load(mut self, warm: f64, from: Duration, rate: f64, end: Duration) -> Self {
        let phase = |from, rate| Phase { from, rate, ..Phase::default() };
        self.phases = vec![phase(Duration::ZERO, warm), phase(from, rate)];
        self.end = end;
        self.measured_from = (from + Duration::from_secs(2)).min(from + (end - from) / 2);
        self
    }

    /// The same workload with another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(crate) fn phase(&self, now: f64) -> Option<&Phase> {
        self.phases.iter().rev().find(|phase| phase.from.as_secs_f64() <= now)
    }
}

impl RequestKind {
    /// Creates a kind of the default class, from 200 clients, with weight 1.
    pub fn new(route: &'static str, work: Work) -> Self {
        Self { weight: 1.0, route, class: Criticality::Default, clients: Clients::Many(200), connections: None, work }
    }

    /// The same kind with another weight.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// The same kind with another class.
    #[must_use]
    pub fn class(mut self, class: Criticality) -> Self {
        self.class = class;
        self
    }

    /// The same kind with at most this many connections of each client.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = Some(connections);
        self
    }

    /// The same kind from other clients.
    #[must_use]
    pub fn clients(mut self, clients: Clients) -> Self {
        self.clients = clients;
        self
    }
}

impl Time {
    pub(crate) fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Fixed(time) => time.as_secs_f64(),
            Self::Exponential(mean) => random.exponential(mean.as_secs_f64()),
            Self::Uniform(least, most) => {
                least.as_secs_f64() + random.fraction() * (most.as_secs_f64() - least.as_secs_f64())
            }
            Self::LogNormal(mean, sigma) => random.log_normal(mean.as_secs_f64(), sigma),
            Self::Either(usual, rare, probability) => {
                if random.fraction() < probability {
                    rare.as_secs_f64()
                } else {
                    usual.as_secs_f64()
                }
            }
        }
    }
}
