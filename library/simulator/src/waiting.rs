//! Workloads whose requests wait and compute little: there is no overload, and nothing is to be refused.

use std::time::Duration;

use crate::workload::{Phase, RequestKind, SILENT, Time, Work, Workload};
use crate::workloads;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// Calls of a dependency at the same time: more than there are requests, so that no call waits for a place.
const PLACES: u32 = 100_000;

/// A route that computes 0.2 ms, 350 times a second, beside one that calls a dependency of 20 ms, 150 times a second; the dependency falls
/// silent after 2 s. Kind 0 is the quick route.
pub fn silent_dependency() -> Workload {
    let mut workload = calls("a silent dependency beside a quick route", Time::Fixed(20 * MILLI));
    workload.kinds[0].weight = 0.3;
    let quick = Work::Yielding { time: Time::Fixed(MILLI / 5), slice: MILLI };
    workload.kinds.insert(0, RequestKind::new("quick", quick).weight(0.7));
    let phase = |from, waits| Phase { from: from * SECOND, rate: 500.0, waits, ..Phase::default() };
    (workload.phases, workload.end) = (vec![phase(0, 1.0), phase(2, SILENT)], 8 * SECOND);
    workload.measured_from = 2 * SECOND;
    workload
}

/// Requests that arrive within 50 ms at a server that has seen none before, each of which waits for 1.5 s.
pub fn slow_requests_at_once(requests: u32) -> Workload {
    let mut workload = calls("slow requests at once", Time::Fixed(3 * SECOND / 2));
    let phase = |from, rate| Phase { from, rate, ..Phase::default() };
    workload.phases = vec![phase(Duration::ZERO, f64::from(requests) / 0.05), phase(50 * MILLI, 0.0)];
    workload.end = 4 * SECOND;
    workload
}

/// Requests that wait for 1 to 2 s, and an objective of 500 ms, from a cold start.
pub fn slow_service(rate: f64) -> Workload {
    let mut workload = calls("a slow service", Time::Uniform(SECOND, 2 * SECOND));
    workload.phases = vec![Phase { rate, ..Phase::default() }];
    workload.end = 8 * SECOND;
    workload
}

/// A service that waits for 50 ms, and from 3 s on for 1.5 s, at the same rate: the load does not make it slow.
pub fn slowed_service(rate: f64) -> Workload {
    let mut workload = calls("a service that becomes slow", Time::Fixed(50 * MILLI));
    let phase = |from, waits| Phase { from: from * SECOND, rate, waits, ..Phase::default() };
    (workload.phases, workload.end) = (vec![phase(0, 1.0), phase(3, 30.0)], 15 * SECOND);
    workload.measured_from = 3 * SECOND;
    workload
}

/// Requests that wait for 1.5 s, 100 a second, beside a route that computes 1 ms, at this many times the capacity. Kind 0 computes.
pub fn slow_route_beside_overload(times: f64) -> Workload {
    let mut workload = workloads::cpu_yielding().at(times, 10 * SECOND);
    let rate = times * 990.0;
    workload.name = "a slow route beside an overload".to_owned();
    let wait = Work::Dependency { pool: 0, time: Time::Fixed(3 * SECOND / 2) };
    workload.kinds.push(RequestKind::new("wait", wait).weight(100.0 / rate));
    workload.patience = 5 * SECOND;
    workload.pools = vec![PLACES];
    workload
}

fn calls(name: &str, time: Time) -> Workload {
    let mut workload = Workload::new(name, vec![RequestKind::new("call", Work::Dependency { pool: 0, time })]);
    (workload.pools, workload.patience) = (vec![PLACES], 10 * SECOND);
    workload
}
