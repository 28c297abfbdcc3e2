//! Loads below capacity: nothing is refused.

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Evenkeel, Random, RequestKind, Time, Unlimited, Work, Workload, simulate};

const SECOND: Duration = Duration::from_secs(1);

/// A dependency without queue: the latency is that of the work.
fn waits(name: &str, time: Time, objective: Duration) -> Workload {
    let mut workload = Workload::new(name, vec![RequestKind::new("wait", Work::Dependency { pool: 0, time })]);
    workload.pools = vec![100_000];
    workload.objective = objective;
    workload.patience = 100 * SECOND;
    workload
}

#[test]
fn a_calm_service_refuses_next_to_nothing_for_every_spread_of_its_latency() {
    let (mut refused, mut arrived) = (0, 0);
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let mean = Duration::from_secs_f64(0.002 + 0.248 * random.fraction());
        let sigma = 2.0 * random.fraction();
        let rate = 1.0 + 100.0 * random.fraction();
        let mut workload = waits("log-normal waits", Time::LogNormal(mean, sigma), SECOND / 2).seed(seed);
        workload = workload.load(rate, SECOND, rate, 10 * SECOND);
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        if report.all.refused > 0 {
            println!("seed {seed}: {rate:.0}/s, mean {mean:?}, sigma {sigma:.2}: {} refused", report.all.refused);
        }
        refused += report.all.refused;
        arrived += report.all.arrived;
    }
    // From a cold start, and with a wide spread, a limit that is too low for the load costs some refusals before it has grown.
    println!("{refused} of {arrived} refused");
    assert!(refused * 80 < arrived, "{refused} of {arrived}");
}

#[test]
fn half_a_load_of_computing_is_not_refused() {
    for base in [workloads::cpu_yielding, workloads::cpu_hard] {
        let workload = base().at(0.5, 4 * SECOND);
        assert_eq!(simulate(&workload, &mut Evenkeel::new(&workload)).all.refused, 0, "{}", workload.name);
    }
}

#[test]
fn an_objective_that_an_idle_service_cannot_meet_soon_refuses_little() {
    let (mut early, mut arrived, mut late, mut later) = (0, 0, 0, 0);
    for seed in 0..24 {
        let mut random = Random::new(1000 + seed);
        let objective = Duration::from_millis(50 + u64::from(random.below(150)));
        let slow = objective.mul_f64(1.0 + 2.0 * random.fraction());
        let time = match seed % 3 {
            0 => Time::Fixed(slow),
            1 => Time::Uniform(slow / 5, 2 * slow),
            _ => Time::LogNormal(slow, 0.7),
        };
        let rate = 2.0 + 300.0 * random.fraction();
        let mut workload = waits("an unreachable objective", time, objective).seed(seed);
        // With a calm second before, and without.
        let warm = if seed % 2 == 0 { rate / 20.0 } else { rate };
        workload = workload.load(warm, SECOND, rate, 12 * SECOND);
        let ours = simulate(&workload, &mut Evenkeel::new(&workload));
        let off = simulate(&workload, &mut Unlimited);
        assert_eq!(off.all.refused, 0);
        (late, later) = (late + ours.between(8, 12).refused, later + ours.between(8, 12).arrived);
        early += ours.all.refused;
        arrived += ours.all.arrived;
    }
    println!("{late} of {later} late, {early} of {arrived} in all");
    assert!(late * 25 < later, "{late} of {later}");
    // While the limit grows to the load.
    assert!(early * 4 < arrived, "{early} of {arrived}");
}

#[test]
fn an_unreachable_objective_is_reported_and_does_not_end_the_protection() {
    let SizedWorkload { mut workload, capacity } = workloads::dependency();
    workload.objective = Duration::from_millis(20);
    let workload = SizedWorkload { workload, capacity }.at(4.0, 8 * SECOND);
    let mut control = Evenkeel::new(&workload);
    let report = simulate(&workload, &mut control);
    let snapshot = evenkeel_simulator::Control::snapshot(&control, workload.end).unwrap();
    assert!(snapshot.routes[1].unreachable, "{snapshot:?}");
    // Late by the objective, and answered all the same, not after the patience of the clients.
    let late = report.between(5, 8).late as f64 / 3.0 / capacity;
    assert!(late >= 0.9, "{late}: {:?}", report.seconds);
    // The control: without admission control nothing is answered before the clients leave.
    let off = simulate(&workload, &mut Unlimited);
    assert!(off.between(5, 8).late < 300, "{:?}", off.seconds);
}
