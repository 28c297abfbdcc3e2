//! A client that sends far more than its share.

use std::time::Duration;

use evenkeel_simulator::{Control, Evenkeel, Seen, StaticLimit, Verdict, simulate, workloads};
use resilience::admission::{Ended, Processors};

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

/// The same control when it sees requests only after their heads were read.
struct AfterTheHead(Evenkeel);

impl Control for AfterTheHead {
    fn decide(&mut self, now: Duration, request: Seen) -> Verdict {
        self.0.decide(now, request)
    }
    fn done(&mut self, now: Duration, id: usize, ended: Ended) {
        self.0.done(now, id, ended);
    }
    fn left(&mut self, now: Duration, id: usize) {
        self.0.left(now, id);
    }
    fn tick(&mut self, now: Duration, processors: Processors) {
        self.0.tick(now, processors);
    }
    fn next_wake(&mut self) -> Option<(usize, bool)> {
        self.0.next_wake()
    }
    fn sees_departures(&self) -> bool {
        true
    }
}

#[test]
fn a_wild_client_whose_refusals_cost_much_takes_nothing_from_the_others() {
    for base in [workloads::cpu_yielding, workloads::cpu_hard] {
        for (wild, goodput) in [(1.5, 0.8), (5.0, 0.65)] {
            let sized = workloads::wild_client_with_dear_refusals(base(), wild);
            let capacity = sized.capacity;
            let workload = sized.at(wild + 0.5, END);
            let report = simulate(&workload, &mut Evenkeel::new(&workload));
            assert!(report.served(0) >= 0.98, "{} of {wild}: {}", report.served(0), workload.name);
            assert!(report.goodput() >= goodput * capacity, "{} of {capacity}", report.goodput());
            // The control: where each head is read first, refusing the one client takes what the others need.
            let report = simulate(&workload, &mut AfterTheHead(Evenkeel::new(&workload)));
            assert!(report.served(0) < 0.75, "{}", report.served(0));
        }
    }
}

#[test]
fn a_lone_client_gets_everything_that_many_clients_would_get() {
    for base in [workloads::cpu_yielding, workloads::cpu_hard] {
        let many = base().at(4.0, END);
        let mut lone = base().at(4.0, END);
        lone.kinds.iter_mut().for_each(|kind| kind.clients = evenkeel_simulator::Clients::One(0));
        let [many, lone] = [many, lone].map(|workload| simulate(&workload, &mut Evenkeel::new(&workload)).goodput());
        assert!(lone >= 0.98 * many, "{lone} of {many}");
    }
}

#[test]
fn a_wild_client_does_not_take_the_writer_from_others() {
    for seed in 1..4 {
        let sized = workloads::wild_client_beside_transactions(3.0);
        let workload = sized.steps(&[(0.0, 0.2), (2.0, 1.0)], Duration::from_secs(7)).seed(seed);
        let mut control = Evenkeel::new(&workload).counting_places(&workload);
        let report = simulate(&workload, &mut control);
        let served = [0, 1, 2, 3, 4, 5].map(|kind| report.served(kind));
        assert!(served[..4].iter().all(|served| *served >= 0.94), "{served:?}, seed {seed}");
        assert!(served[4] < 0.5, "the one client sends too much: {served:?}");
    }
}
