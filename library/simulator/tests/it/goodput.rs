//! Goodput under overload, against the best static limit of a sweep on the same trace.

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Evenkeel, Unlimited, best_static, simulate};

const END: Duration = Duration::from_secs(4);
const WAITS: [Duration; 1] = [Duration::from_millis(50)];

/// Goodput over that of the best static limit, and the 99th percentile of admitted requests.
fn against_best(base: SizedWorkload, times: f64, limits: &[u32]) -> (f64, Duration) {
    let workload = base.at(times, END);
    let ours = simulate(&workload, &mut Evenkeel::new(&workload));
    let best = best_static(&workload, limits, &WAITS, false).unwrap();
    (ours.goodput() / best.report.goodput().max(1.0), ours.latency(0.99))
}

#[test]
fn goodput_is_at_least_097_of_the_best_static_limit_at_twice_and_four_times_the_capacity() {
    for base in [workloads::cpu_yielding, workloads::dependency] {
        for times in [2.0, 4.0] {
            let (share, p99) = against_best(base(), times, &[64]);
            let name = base().workload.name;
            assert!(share >= 0.97, "{share:.3} of the best static limit: {name} at {times}");
            assert!(p99 <= Duration::from_millis(500), "{p99:?}: {name} at {times}");
        }
    }
}

#[test]
fn goodput_holds_at_ten_times_the_capacity() {
    for (base, least) in [(workloads::cpu_yielding as fn() -> SizedWorkload, 0.82), (workloads::dependency, 0.97)] {
        let workload = base().at(10.0, Duration::from_secs(6));
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        let goodput = report.goodput() / base().capacity;
        assert!(goodput >= least, "{goodput:.3}: {}", workload.name);
        assert!(report.latency(0.99) <= workload.objective, "{:?}", report.latency(0.99));
    }
}

#[test]
fn goodput_holds_where_handlers_do_not_yield_and_no_static_limit_does() {
    for (times, least) in [(2.0, 0.97), (10.0, 0.82)] {
        let workload = workloads::cpu_hard().at(times, Duration::from_secs(4));
        let ours = simulate(&workload, &mut Evenkeel::new(&workload));
        assert!(ours.goodput() / 990.0 >= least, "{} at {times}", ours.goodput());
        // The control: without admission control and with the limits of a sweep nothing is answered in time.
        let none = simulate(&workload, &mut Unlimited);
        let best = best_static(&workload, &[16], &WAITS, false).unwrap();
        assert!(
            none.goodput() < 100.0 && best.report.goodput() < 100.0,
            "{} {}",
            none.goodput(),
            best.report.goodput()
        );
    }
}

#[test]
fn short_requests_are_served_beside_long_ones_of_another_route() {
    let workload = workloads::bimodal_cpu(true, false).at(10.0, Duration::from_secs(9));
    let report = simulate(&workload, &mut Evenkeel::new(&workload));
    let goodput = report.goodput() / workloads::bimodal_cpu(true, false).capacity;
    assert!(goodput > 6.0 && report.latency(0.99) <= workload.objective, "{goodput} {:?}", report.latency(0.99));
}

#[test]
fn long_and_short_calls_of_one_dependency_keep_its_goodput() {
    let workload = workloads::bimodal_dependency(false).at(1.5, Duration::from_secs(4));
    let report = simulate(&workload, &mut Evenkeel::new(&workload));
    let goodput = report.goodput() / workloads::bimodal_dependency(false).capacity;
    assert!(goodput >= 0.9, "{goodput:.3}");
}

#[test]
fn two_cores_are_used() {
    let SizedWorkload { mut workload, capacity } = workloads::cpu_hard();
    workload.cores = 2;
    let workload = SizedWorkload { workload, capacity: 2.0 * capacity }.at(2.0, Duration::from_secs(5));
    let report = simulate(&workload, &mut Evenkeel::new(&workload));
    assert!(report.goodput() / (2.0 * capacity) >= 0.96, "{}", report.goodput());
}
