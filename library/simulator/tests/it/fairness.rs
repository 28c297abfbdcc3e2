//! A client that sends far more than its share.

use std::time::Duration;

use evenkeel_simulator::{Evenkeel, StaticLimit, simulate, workloads};

const END: Duration = Duration::from_secs(7);

#[test]
fn a_wild_client_costs_the_others_at_most_two_of_a_hundred_requests() {
    for base in [workloads::cpu_yielding, workloads::cpu_hard, workloads::dependency] {
        let workload = workloads::wild_client(base(), 4.2).at(5.0, END);
        let report = simulate(&workload, &mut Evenkeel::new(&workload));
        assert!(report.served(0) >= 0.975, "{}: {}", report.served(0), workload.name);
        // The control: the load is an overload, and fair shares are what protects the others.
        assert!(report.served(1) < 0.2, "{}", report.served(1));
    }
    let workload = workloads::wild_client(workloads::cpu_yielding(), 4.2).at(5.0, END);
    let blind = simulate(&workload, &mut StaticLimit::new(64, Duration::from_millis(50)));
    assert!(blind.served(0) < 0.5, "{}", blind.served(0));
}

#[test]
fn clients_with_equal_demand_above_their_share_get_equal_shares() {
    let mut workload = workloads::wild_client(workloads::cpu_yielding(), 0.0).at(3.0, END);
    workload.kinds.truncate(1);
    let report = simulate(&workload, &mut Evenkeel::new(&workload));
    let (from, until) = (4, 7);
    let of_client = |client: u64| {
        let counts = (from..until).filter_map(|second| report.clients.get(&(client, second)));
        counts.map(|counts| counts.good).sum::<u64>()
    };
    let shares: Vec<u64> = (0..20).map(of_client).collect();
    let mean = shares.iter().sum::<u64>() as f64 / 20.0;
    for share in &shares {
        assert!((*share as f64 / mean - 1.0).abs() <= 0.05, "{shares:?}");
    }
}
