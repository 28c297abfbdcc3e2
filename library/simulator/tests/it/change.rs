//! Loads and capacities that change.

use std::time::Duration;

use evenkeel_simulator::{Evenkeel, Unlimited, simulate, workloads};

#[test]
fn nothing_is_refused_two_seconds_after_an_overload() {
    for base in [workloads::cpu_hard, workloads::dependency] {
        let workload = base().steps(&[(0.0, 0.5), (1.0, 6.0), (3.0, 0.5)], Duration::from_secs(7));
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        let after = report.between(5, 7);
        assert_eq!((after.refused, after.late, after.abandoned), (0, 0, 0), "{}: {after:?}", workload.name);
        assert!(report.between(1, 3).refused > 3000, "{}", workload.name);
    }
}

#[test]
fn a_retry_storm_ends_with_its_cause() {
    for base in [workloads::cpu_hard, workloads::dependency] {
        let capacity = base().capacity;
        let mut workload = base().steps(&[(0.0, 0.8), (1.0, 3.0), (3.0, 0.8)], Duration::from_secs(6));
        workload.retries = [50, 100, 200].map(Duration::from_millis).to_vec();
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        let during = report.between(2, 3).good as f64 / capacity;
        let after = report.between(4, 6).good as f64 / 2.0 / capacity;
        assert!(during >= 0.75 && after >= 0.74, "{during:.2} {after:.2}: {}", workload.name);
        // The control: without admission control the storm feeds itself.
        let off = simulate(&workload, &mut Unlimited);
        assert!(off.between(4, 6).good < 200, "{:?}", off.seconds);
    }
}

#[test]
fn half_of_the_capacity_is_used_when_the_other_half_is_lost() {
    for (base, least) in [(workloads::cpu_hard as fn() -> workloads::SizedWorkload, 0.95), (workloads::dependency, 0.8)]
    {
        let half = base().capacity / 2.0;
        let workload = base().halved(1.5, Duration::from_secs(6));
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        let goodput = report.between(3, 6).good as f64 / 3.0 / half;
        assert!(goodput >= least, "{goodput:.3}: {}", workload.name);
    }
}

#[test]
fn bursts_that_fit_into_the_objective_are_mostly_served() {
    for (base, least) in
        [(workloads::cpu_yielding as fn() -> _, 0.91), (workloads::cpu_hard, 0.94), (workloads::dependency, 0.83)]
    {
        let workload = base().bursts(0.9, Duration::from_secs(8));
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        let served = report.goodput() / (0.9 * base().capacity);
        assert!(served >= least && report.latency(0.99) <= workload.objective, "{served:.3}: {}", workload.name);
    }
}

#[test]
fn a_cold_start_under_overload_serves_most_of_its_first_second() {
    for (base, least) in
        [(workloads::cpu_yielding as fn() -> _, 0.88), (workloads::cpu_hard, 0.9), (workloads::dependency, 0.7)]
    {
        let workload = base().steps(&[(0.0, 4.0)], Duration::from_secs(3));
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        let capacity = base().capacity;
        let first = report.seconds[0].good as f64 / capacity;
        let second = report.seconds[1].good as f64 / capacity;
        assert!(first >= least && second >= 0.92, "{first:.2} {second:.2}: {}", workload.name);
    }
}

#[test]
fn a_limit_that_was_learnt_from_busy_processors_is_forgotten_when_they_are_idle() {
    for seed in 1..4 {
        let sized = workloads::writer_beside_computing();
        let capacity = sized.capacity;
        let workload = sized.steps(&[(0.0, 0.5), (2.0, 2.0)], Duration::from_secs(8)).seed(seed);
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        // All that compute are answered beside the writes, which alone are the capacity.
        let good = report.between(3, 8).good as f64 / 5.0 / capacity;
        assert!(good >= 1.3, "{good}, seed {seed}");
    }
}

#[test]
fn routes_that_wait_for_one_writer_are_held_together_from_the_first_seconds_on() {
    for seed in 1..4 {
        let sized = workloads::writer_beside_computing();
        let capacity = sized.capacity;
        let workload = sized.steps(&[(0.0, 0.5), (2.0, 4.0)], Duration::from_secs(6)).seed(seed);
        let goodput = |control: Evenkeel| {
            let report = simulate(&workload, &mut { control });
            (report.between(2, 5).good as f64 / 3.0 / capacity, report.latency(0.99))
        };
        let (good, p99) = goodput(Evenkeel::new(&workload).counting_places(&workload));
        assert!(good >= 1.5 && p99 < workload.objective, "{good} {p99:?}, seed {seed}");
        // The control: each route alone takes the waits for its own load.
        let (apart, slow) = goodput(Evenkeel::new(&workload));
        assert!(slow > p99 && apart < good, "{apart} {slow:?}, seed {seed}");
    }
}
