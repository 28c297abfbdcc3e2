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

#[test]
fn a_crawl_that_can_be_shed_costs_reads_and_writes_of_the_default_class_little() {
    for share in [false, true] {
        for seed in 1..4 {
            let sized = workloads::crawl_beside_writes(0.6, 3.0, share);
            let workload = sized.steps(&[(0.0, 0.2), (2.0, 1.0)], Duration::from_secs(6)).seed(seed);
            let report = simulate(&workload, &mut Evenkeel::new(&workload));
            let served = [0, 1, 2, 3].map(|kind| report.served(kind));
            assert!(served[..3].iter().all(|served| *served >= 0.94), "{served:?}: {}, seed {seed}", workload.name);
            assert!(served[3] < 0.5, "the crawl is too much: {served:?}");
        }
    }
}

#[test]
fn a_crawl_that_computes_does_not_keep_the_transactions_of_a_higher_class_from_the_processors() {
    for seed in 1..4 {
        let sized = workloads::crawl_beside_transactions(0.5, 1.5);
        let workload = sized.steps(&[(0.0, 0.2), (2.0, 1.0)], Duration::from_secs(9)).seed(seed);
        let mut control = Evenkeel::new(&workload).counting_places(&workload);
        let report = simulate(&workload, &mut control);
        let served = [0, 1, 2, 3].map(|kind| report.served(kind));
        // From the second on in which it is learnt. By the order of the queue alone it is 0.02.
        assert!(served[..2].iter().all(|served| *served >= 0.5), "{served:?}, seed {seed}");
        assert!(served[3] > 0.3, "the crawl has what the transactions leave: {served:?}");
    }
}

#[test]
fn a_class_is_not_cut_for_a_higher_one_that_is_too_much_for_something_else() {
    for seed in 1..4 {
        // Twice as many writes as the database can do.
        let sized = workloads::crawl_beside_writes(2.0, 0.7, false);
        let workload = sized.steps(&[(0.0, 0.2), (2.0, 1.0)], Duration::from_secs(20)).seed(seed);
        let mut control = Evenkeel::new(&workload).counting_places(&workload);
        let report = simulate(&workload, &mut control);
        let served = [0, 1, 2, 3].map(|kind| report.served(kind));
        assert!(served[3] > 0.6 && served[0] + served[1] > 0.85, "{served:?}, seed {seed}");
    }
}
