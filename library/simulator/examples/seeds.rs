//! Prints goodput over capacity and the 99th percentile of several seeds, for the workloads whose results vary.
//!
//! `cargo run --release -p evenkeel-simulator --example seeds`

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Evenkeel, simulate};

fn main() {
    let bases: [fn() -> SizedWorkload; 7] = [
        workloads::cpu_hard_long,
        || workloads::bimodal_cpu(true, false),
        || workloads::bimodal_cpu(true, true),
        || workloads::bimodal_cpu(false, false),
        || workloads::bimodal_cpu(false, true),
        || workloads::bimodal_dependency(false),
        || workloads::bimodal_dependency(true),
    ];
    for base in bases {
        for times in [0.9, 2.0, 4.0, 10.0] {
            let mut line = format!("{} at {times}:", base().workload.name);
            for seed in 1..=5 {
                let workload = base().at(times, Duration::from_secs(20)).seed(seed);
                let report = simulate(&workload, &mut Evenkeel::new(&workload));
                let goodput = report.goodput() / base().capacity;
                line += &format!("  {goodput:.2} ({})", report.latency(0.99).as_millis());
            }
            println!("{line}");
        }
    }
}
