//! Prints the second table of `docs/adr/0022-admission.md`: classes, fairness and change.
//!
//! `cargo run --release -p evenkeel-simulator --example scenarios`

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Control, Evenkeel, Report, StaticLimit, Unlimited, Workload, simulate, waiting};

const BASES: [fn() -> SizedWorkload; 3] = [workloads::cpu_yielding, workloads::cpu_hard, workloads::dependency];

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// The results without control, with a static limit of 16 and a wait of 50 ms, and with evenkeel's.
fn compare(workload: &Workload, cell: impl Fn(&Report) -> String) {
    let mut controls: [Box<dyn Control>; 3] = [
        Box::new(Unlimited),
        Box::new(StaticLimit::new(64, Duration::from_millis(50))),
        Box::new(Evenkeel::new(workload)),
    ];
    let cells = controls.each_mut().map(|control| cell(&simulate(workload, control.as_mut())));
    println!("| {} | {} |", workload.name, cells.join(" | "));
}

fn main() {
    println!("| workload | none | static 64, 50 ms | evenkeel |\n|---|---|---|---|");
    compare_waiting();
    for base in BASES {
        let capacity = base().capacity;
        for times in [2.0, 4.0, 10.0] {
            let mut workload = workloads::mixed_criticality(base(), 0.6, times).at(times, seconds(10.0));
            workload.name += &format!(" {times}x: served critical, default, sheddable");
            compare(&workload, |report| {
                let total = report.goodput() / capacity;
                format!("{:.3} {:.3} {:.3} ({total:.3})", report.served(0), report.served(1), report.served(2))
            });
        }
        let mut wild = workloads::wild_client(base(), 4.2).at(5.0, seconds(10.0));
        wild.name += ": others served, wild served";
        compare(&wild, |report| format!("{:.3} {:.3}", report.served(0), report.served(1)));

        let mut step = base().steps(&[(0.0, 0.9), (4.0, 10.0), (9.0, 0.9)], seconds(13.0));
        step.name += ", step to 10x: seconds 5 6 7, after the step 1 2 3";
        compare(&step, |report| by_second(report, capacity, &[4, 5, 6, 9, 10, 11]));

        let mut storm = base().steps(&[(0.0, 0.8), (2.0, 3.0), (7.0, 0.8)], seconds(13.0));
        storm.retries = [50, 100, 200].map(Duration::from_millis).to_vec();
        storm.name += ", retry storm: during, after 1 2 3 4 s";
        compare(&storm, |report| by_second(report, capacity, &[5, 7, 8, 9, 10]));

        let mut halved = base().halved(1.5, seconds(8.0));
        halved.name += ", halved at 1.5x, of the new capacity: second 1 2 3 4";
        compare(&halved, |report| {
            format!("{} p99 {}", by_second(report, capacity / 2.0, &[2, 3, 4, 5]), report.latency(0.99).as_millis())
        });

        let mut bursts = base().bursts(0.9, seconds(12.0));
        bursts.name += ", bursts 1.9x 0.1x of 0.9x";
        compare(&bursts, |report| {
            format!("{:.3} of the load, p99 {}", report.goodput() / (0.9 * capacity), report.latency(0.99).as_millis())
        });

        let mut cold = base().steps(&[(0.0, 4.0)], seconds(4.0));
        cold.name += ", cold start at 4x: second 1 2 3";
        compare(&cold, |report| by_second(report, capacity, &[0, 1, 2]));
    }
    for rate in [1.0, 5.0, 20.0] {
        let base = workloads::slow_waits();
        let mut workload = SizedWorkload { capacity: rate, ..base }.steps(&[(0.0, 1.0)], seconds(60.0));
        workload.name += &format!(" at {rate}/s: refused");
        compare(&workload, |report| format!("{} of {}", report.all.refused, report.all.arrived));
        workload.objective = Duration::from_millis(100);
        workload.name += ", objective 100 ms";
        compare(&workload, |report| format!("{} of {}", report.all.refused, report.all.arrived));
    }
}

/// Requests that wait and compute little: refusals of each kind.
fn compare_waiting() {
    let refused = |report: &Report| {
        let kinds = report.kinds.iter().map(|kind| format!("{} of {}", kind.refused, kind.arrived));
        kinds.collect::<Vec<_>>().join(", ")
    };
    let at = |mut workload: Workload, load: String| {
        workload.name += &load;
        workload
    };
    compare(&at(waiting::silent_dependency(), ": quick route refused, silent route refused".to_owned()), refused);
    for requests in [100, 200, 800] {
        compare(&at(waiting::slow_requests_at_once(requests), format!(", {requests}: refused")), refused);
    }
    for rate in [10.0, 100.0, 400.0] {
        compare(&at(waiting::slow_service(rate), format!(", {rate}/s: refused")), refused);
        compare(&at(waiting::slowed_service(rate), format!(", {rate}/s: refused")), refused);
    }
    for times in [2.0, 6.0] {
        let name = format!(", {times}x: computed over capacity; refused");
        compare(&at(waiting::slow_route_beside_overload(times), name), |report| {
            format!("{:.3}; {}", report.kinds[0].good as f64 / 6.0 / 990.0, refused(report))
        });
    }
}

fn by_second(report: &Report, capacity: f64, seconds: &[usize]) -> String {
    let cells = seconds.iter().map(|second| format!("{:.2}", report.seconds[*second].good as f64 / capacity));
    cells.collect::<Vec<_>>().join(" ")
}
