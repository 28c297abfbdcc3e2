//! Prints the tables of `docs/adr/0022-admission.md`: goodput over capacity, and the 99th percentile of admitted requests in milliseconds.
//!
//! `cargo run --release -p evenkeel-simulator --example table`

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Evenkeel, LIMITS, Report, Unlimited, WAITS, best_static, simulate};

fn main() {
    let sweeps = std::env::args().any(|argument| argument == "--sweep");
    let end = Duration::from_secs(12);
    let bases: [fn() -> SizedWorkload; 9] = [
        workloads::cpu_yielding,
        workloads::cpu_hard,
        workloads::dependency,
        || workloads::bimodal_cpu(true, false),
        || workloads::bimodal_cpu(true, true),
        || workloads::bimodal_cpu(false, false),
        || workloads::bimodal_cpu(false, true),
        || workloads::bimodal_dependency(false),
        || workloads::bimodal_dependency(true),
    ];
    println!("| workload | load | none | best static | best static in time | evenkeel |\n|---|---|---|---|---|---|");
    for base in bases {
        for times in [0.9, 2.0, 4.0, 10.0, 20.0] {
            let capacity = base().capacity;
            let workload = base().at(times, end);
            let cell =
                |report: &Report| format!("{:.3} ({})", report.goodput() / capacity, report.latency(0.99).as_millis());
            let best = |in_time| match sweeps {
                true => best_static(&workload, &LIMITS, &WAITS, in_time)
                    .map_or_else(String::new, |best| format!("{} at {}", cell(&best.report), best.limit)),
                false => "-".to_owned(),
            };
            println!(
                "| {} | {times} | {} | {} | {} | {} |",
                workload.name,
                cell(&simulate(&workload, &mut Unlimited)),
                best(false),
                best(true),
                cell(&simulate(&workload, &mut Evenkeel::new(&workload)))
            );
        }
    }
}
