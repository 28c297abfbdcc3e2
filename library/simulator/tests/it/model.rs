//! The simulator itself: queueing theory, and the same result for the same seed.

use std::time::Duration;

use evenkeel_simulator::{RequestKind, Time, Unlimited, Work, Workload, simulate, workloads};

#[test]
fn the_mean_wait_of_a_queue_with_one_server_is_that_of_theory() {
    // M/M/1 at 0.7: the mean time in the system is 1 / (mu - lambda); the median is ln 2 times that.
    let work = Work::Hard(Time::Exponential(Duration::from_millis(10)));
    let mut workload = Workload::new("M/M/1", vec![RequestKind::new("work", work)]);
    (workload.costs.head, workload.patience) = (Duration::ZERO, Duration::from_secs(100));
    let workload = workload.load(70.0, Duration::from_secs(1), 70.0, Duration::from_secs(400));
    let report = simulate(&workload, &mut Unlimited);
    let median = report.latency(0.5).as_secs_f64();
    let theory = std::f64::consts::LN_2 / (100.0 - 70.0);
    assert!((median / theory - 1.0).abs() < 0.1, "{median} instead of {theory}");
}

#[test]
fn a_seed_gives_the_same_simulation_again_and_another_one_does_not() {
    let run = |seed| {
        let workload = workloads::cpu_yielding().at(2.0, Duration::from_secs(3)).seed(seed);
        simulate(&workload, &mut evenkeel_simulator::Evenkeel::new(&workload)).all
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_capacity_of_each_workload_is_what_its_server_can_answer() {
    // Yielding handlers share the processor: all of a growing number are late, so their answers do not show it.
    for base in [workloads::cpu_hard, workloads::dependency] {
        let mut workload = base().at(1.5, Duration::from_secs(5));
        (workload.objective, workload.patience) = (Duration::from_secs(50), Duration::from_secs(100));
        let answered = simulate(&workload, &mut Unlimited).goodput();
        assert!((answered / base().capacity - 1.0).abs() < 0.02, "{answered}: {}", workload.name);
    }
}
