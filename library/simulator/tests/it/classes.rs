//! Critical requests under overload.

use std::time::Duration;

use evenkeel_simulator::{Evenkeel, StaticLimit, simulate, workloads};

#[test]
fn critical_requests_are_all_served_while_they_alone_are_under_capacity() {
    for base in [workloads::cpu_yielding, workloads::cpu_hard, workloads::dependency] {
        for times in [2.0, 6.0] {
            let workload = workloads::mixed_criticality(base(), 0.6, times).at(times, Duration::from_secs(4));
            let report = simulate(&workload, &mut Evenkeel::new(&workload));
            let served = [0, 1, 2].map(|kind| report.served(kind));
            assert!(served[0] >= 0.995, "{served:?}: {} at {times}", workload.name);
            assert!(served[2] <= 0.02 && served[1] > 0.01, "{served:?}: {} at {times}", workload.name);
        }
    }
}

#[test]
fn a_limit_without_classes_serves_critical_requests_no_better() {
    let workload = workloads::mixed_criticality(workloads::cpu_yielding(), 0.6, 4.0).at(4.0, Duration::from_secs(4));
    let report = simulate(&workload, &mut StaticLimit::new(64, Duration::from_millis(50)));
    assert!(report.served(0) < 0.5, "{}", report.served(0));
}
