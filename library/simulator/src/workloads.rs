//! Workloads on which admission controls differ. Each is given without load, beside its capacity in requests per second.

use std::time::Duration;

use resilience::Criticality;

use crate::workload::{Clients, Costs, Phase, RequestKind, Time, Work, Workload};

/// A workload, and the requests per second that its server can answer.
#[derive(Clone, Debug)]
pub struct SizedWorkload {
    /// The workload, without load.
    pub workload: Workload,
    /// Requests per second, without refusals.
    pub capacity: f64,
}

const MILLI: Duration = Duration::from_millis(1);

/// 1 ms of computing that yields after each 250 us.
pub fn cpu_yielding() -> SizedWorkload {
    let work = Work::Yielding { time: Time::Fixed(MILLI), slice: MILLI / 4 };
    sized("CPU 1 ms, yielding", vec![RequestKind::new("compute", work)], 990.0)
}

/// 1 ms of computing that does not yield.
pub fn cpu_hard() -> SizedWorkload {
    sized("CPU 1 ms, not yielding", vec![RequestKind::new("compute", Work::Hard(Time::Fixed(MILLI)))], 990.0)
}

/// 10 ms of computing that does not yield: a request in front of the gate makes those behind it ten times as old.
pub fn cpu_hard_long() -> SizedWorkload {
    sized("CPU 10 ms, not yielding", vec![RequestKind::new("compute", Work::Hard(Time::Fixed(10 * MILLI)))], 99.8)
}

/// A dependency with 50 places that takes 50 ms.
pub fn dependency() -> SizedWorkload {
    let work = Work::Dependency { pool: 0, time: Time::Fixed(50 * MILLI) };
    let mut sized = sized("dependency 50 ms", vec![RequestKind::new("call", work)], 1000.0);
    sized.workload.pools = vec![50];
    sized
}

/// Nine of ten requests compute 1 ms and one computes 100 ms, in slices of 1 ms or not yielding, on two routes or on one.
pub fn bimodal_cpu(yielding: bool, one_route: bool) -> SizedWorkload {
    let work = |time| match yielding {
        true => Work::Yielding { time: Time::Fixed(time), slice: MILLI },
        false => Work::Hard(Time::Fixed(time)),
    };
    let name = format!(
        "CPU 1 and 100 ms, {}{}",
        if yielding { "yielding" } else { "not yielding" },
        if one_route { ", one route" } else { "" }
    );
    sized(name, bimodal(work, one_route), 1.0 / (0.9 * 0.001 + 0.1 * 0.1 + 0.000_01))
}

/// Nine of ten calls take 1 ms and one takes 100 ms, of a dependency with 50 places, on two routes or on one.
pub fn bimodal_dependency(one_route: bool) -> SizedWorkload {
    let work = |time| Work::Dependency { pool: 0, time: Time::Fixed(time) };
    let name = if one_route { "dependency 1 and 100 ms, one route" } else { "dependency 1 and 100 ms" };
    let mut sized = sized(name, bimodal(work, one_route), 50.0 / (0.9 * 0.001 + 0.1 * 0.1));
    sized.workload.pools = vec![50];
    sized
}

/// A tenth of the load is critical, and a fifth of the rest can be shed: `critical` is the load of critical requests over capacity, `load` that of all.
pub fn mixed_criticality(base: SizedWorkload, critical: f64, load: f64) -> SizedWorkload {
    let work = base.workload.kinds[0].work;
    let of = |class, weight| RequestKind::new("compute", work).class(class).weight(weight);
    let rest = (load - critical).max(0.0);
    let kinds = vec![
        of(Criticality::Critical, critical),
        of(Criticality::Default, 0.8 * rest),
        of(Criticality::Sheddable, 0.2 * rest),
    ];
    let name = format!("{}, mixed criticality", base.workload.name);
    SizedWorkload { workload: Workload { name, kinds, ..base.workload }, ..base }
}

/// Twenty clients have 0.8 of the capacity together, and one more client has the rest of the load.
pub fn wild_client(base: SizedWorkload, wild: f64) -> SizedWorkload {
    let work = base.workload.kinds[0].work;
    let kinds = vec![
        RequestKind::new("compute", work).clients(Clients::Many(20)).weight(0.8),
        RequestKind::new("compute", work).clients(Clients::One(0)).weight(wild),
    ];
    let name = format!("{}, one wild client", base.workload.name);
    SizedWorkload { workload: Workload { name, kinds, ..base.workload }, ..base }
}

/// Sixteen clients have half of the capacity together, and one more client sends the rest of the load on 512 connections. Reading a head and refusing it take 0.2 and
/// 0.3 ms, as in a build without optimisation or behind TLS: refusing `wild` is more work than there is.
pub fn wild_client_with_dear_refusals(base: SizedWorkload, wild: f64) -> SizedWorkload {
    let work = base.workload.kinds[0].work;
    let kinds = vec![
        RequestKind::new("compute", work).clients(Clients::Many(16)).weight(0.5),
        RequestKind::new("compute", work).clients(Clients::One(0)).connections(512).weight(wild),
    ];
    let micros = Duration::from_micros;
    let costs = Costs {
        scan: micros(20),
        prepared: micros(40),
        head: micros(200),
        refusal: micros(300),
        ..base.workload.costs
    };
    let name = format!("{}, one wild client and dear refusals", base.workload.name);
    let capacity = 1.0 / (1.0 / base.capacity + costs.head.as_secs_f64());
    SizedWorkload { workload: Workload { name, kinds, costs, ..base.workload }, capacity }
}

/// Six of ten requests compute 1 ms; the others wait for a database that writes one at a time, 6 ms each, on two routes. Reading a head and refusing it take 0.3 and
/// 0.25 ms, so that the processors are overloaded too now and then.
pub fn writer_beside_computing() -> SizedWorkload {
    let micros = Duration::from_micros;
    let write = Work::Dependency { pool: 0, time: Time::Exponential(6 * MILLI) };
    let of = |route, work, weight| RequestKind::new(route, work).weight(weight).clients(Clients::Many(16));
    let kinds = vec![
        of("read", Work::Yielding { time: Time::Fixed(MILLI), slice: MILLI / 4 }, 0.6),
        of("write", write, 0.2),
        of("transfer", write, 0.2),
    ];
    let mut sized = sized("a writer beside computing", kinds, 1.0 / (0.4 * 0.006));
    sized.workload.pools = vec![1];
    sized.workload.patience = Duration::from_secs(5);
    let costs = sized.workload.costs;
    sized.workload.costs =
        Costs { scan: micros(50), prepared: micros(60), head: micros(300), refusal: micros(250), ..costs };
    sized
}

/// Writes and reads of the default class that ask for `used` of what the database can write, and sheddable reads that are too much for the processors: `crawl` times
/// their capacity. Costs are those of [`writer_beside_computing`]; the sheddable requests have the route of the reads, or that of the writes where they `share` it.
pub fn crawl_beside_writes(used: f64, crawl: f64, share: bool) -> SizedWorkload {
    let base = writer_beside_computing();
    let (write, writes) = (base.workload.kinds[1].work, 1.0 / 0.006);
    let read = Work::Yielding { time: Time::Fixed(MILLI), slice: MILLI / 4 };
    let cost = MILLI + base.workload.costs.head;
    let reads = 1.0 / cost.as_secs_f64();
    let of =
        |route, work, rate, class| RequestKind::new(route, work).weight(rate).class(class).clients(Clients::Many(64));
    let kinds = vec![
        of("write", write, used * writes / 2.0, Criticality::Default),
        of("transfer", write, used * writes / 2.0, Criticality::Default),
        of("read", read, used * writes / 2.0, Criticality::Default),
        of(if share { "write" } else { "read" }, read, crawl * reads, Criticality::Sheddable),
    ];
    let all = kinds.iter().map(|kind| kind.weight).sum();
    let name = format!("writes and reads beside a crawl{}", if share { " on a route of the writes" } else { "" });
    SizedWorkload { workload: Workload { name, kinds, ..base.workload }, capacity: all }
}

/// Transactions of the default class that ask for `used` of the two hundred that a database with one writer does in a second on idle cores, in ten statements
/// of half a millisecond each, and sheddable reads that are too much for two cores: `crawl` times what they do. Costs are those of [`writer_beside_computing`].
pub fn crawl_beside_transactions(used: f64, crawl: f64) -> SizedWorkload {
    let base = writer_beside_computing();
    let write = Work::Transaction { pool: 0, statements: 10, each: Time::Exponential(MILLI / 2) };
    let writes = 1.0 / 0.005;
    let read = Work::Yielding { time: Time::Fixed(MILLI), slice: MILLI / 4 };
    let reads = 2.0 / (MILLI + base.workload.costs.head).as_secs_f64();
    let of =
        |route, work, rate, class| RequestKind::new(route, work).weight(rate).class(class).clients(Clients::Many(64));
    let kinds = vec![
        of("write", write, used * writes / 2.0, Criticality::Default),
        of("transfer", write, used * writes / 2.0, Criticality::Default),
        of("read", read, used * writes / 2.0, Criticality::Default),
        of("list", read, crawl * reads, Criticality::Sheddable),
    ];
    let all = kinds.iter().map(|kind| kind.weight).sum();
    let mut workload = Workload { name: "transactions beside a crawl".to_owned(), kinds, ..base.workload };
    workload.cores = 2;
    SizedWorkload { workload, capacity: all }
}

/// Sixteen clients that ask for half of what a service does whose writes are transactions with one writer, six statements of half a millisecond each, and one
/// more client that sends `wild` times what it does.
pub fn wild_client_beside_transactions(wild: f64) -> SizedWorkload {
    let base = crawl_beside_transactions(0.5, 1.0);
    let write = Work::Transaction { pool: 0, statements: 6, each: Time::Exponential(MILLI / 2) };
    let read = base.workload.kinds[2].work;
    let of = |route, work, rate, clients| RequestKind::new(route, work).weight(rate).clients(clients);
    let sent = |times: f64, clients| {
        let routes = [("write", write, 75.0), ("transfer", write, 75.0), ("read", read, 150.0), ("list", read, 150.0)];
        routes.map(|(route, work, rate)| of(route, work, times * rate, clients))
    };
    let kinds: Vec<_> = [sent(0.5, Clients::Many(16)), sent(wild, Clients::One(0))].into_iter().flatten().collect();
    let all = kinds.iter().map(|kind| kind.weight).sum();
    let name = "transactions of one wild client".to_owned();
    SizedWorkload { workload: Workload { name, kinds, ..base.workload }, capacity: all }
}

/// Twenty requests per second that wait for 20 to 300 ms, uniformly.
pub fn slow_waits() -> SizedWorkload {
    let work = Work::Dependency { pool: 0, time: Time::Uniform(20 * MILLI, 300 * MILLI) };
    let mut sized = sized("waits of 20 to 300 ms", vec![RequestKind::new("wait", work)], 1000.0 / 0.16);
    sized.workload.pools = vec![1000];
    sized
}

impl SizedWorkload {
    /// The workload at 0.5 of capacity for 2 s, and then at this many times the capacity until `end`.
    #[must_use]
    pub fn at(self, times: f64, end: Duration) -> Workload {
        let capacity = self.capacity;
        self.workload.load(0.5 * capacity, Duration::from_secs(2), times * capacity, end)
    }

    /// The workload with these loads over capacity from these seconds on; measured from the start of the second one.
    #[must_use]
    pub fn steps(mut self, steps: &[(f64, f64)], end: Duration) -> Workload {
        let phase = |(from, load): &(f64, f64)| Phase {
            from: Duration::from_secs_f64(*from),
            rate: load * self.capacity,
            ..Phase::default()
        };
        self.workload.phases = steps.iter().map(phase).collect();
        self.workload.measured_from = self.workload.phases.get(1).map_or(Duration::ZERO, |phase| phase.from);
        self.workload.end = end;
        self.workload
    }

    /// The workload in bursts: 1.9 and 0.1 times the mean load in turn, each for half a second.
    #[must_use]
    pub fn bursts(mut self, mean: f64, end: Duration) -> Workload {
        let half = Duration::from_millis(500);
        let bursts = (end.as_secs_f64() / 0.5).ceil() as u32;
        let rate = mean * self.capacity;
        let phase = |index: u32| {
            let share = if index.is_multiple_of(2) { 1.9 } else { 0.1 };
            Phase { from: half * index, rate: share * rate, ..Phase::default() }
        };
        self.workload.phases = (0..bursts).map(phase).collect();
        self.workload.measured_from = 4 * half;
        self.workload.end = end;
        self.workload
    }

    /// The workload at this many times its capacity, of which half is lost at 2 s.
    #[must_use]
    pub fn halved(mut self, times: f64, end: Duration) -> Workload {
        let rate = times * self.capacity;
        let phase = |from, slowness| Phase { from: Duration::from_secs(from), rate, slowness, ..Phase::default() };
        self.workload.phases = vec![phase(0, 1.0), phase(2, 2.0)];
        self.workload.measured_from = Duration::from_secs(2);
        self.workload.end = end;
        self.workload
    }
}

fn bimodal(work: impl Fn(Duration) -> Work, one_route: bool) -> Vec<RequestKind> {
    let long_route = if one_route { "short" } else { "long" };
    vec![
        RequestKind::new("short", work(MILLI)).weight(0.9),
        RequestKind::new(long_route, work(100 * MILLI)).weight(0.1),
    ]
}

fn sized(name: impl Into<String>, kinds: Vec<RequestKind>, capacity: f64) -> SizedWorkload {
    SizedWorkload { workload: Workload::new(name, kinds), capacity }
}
