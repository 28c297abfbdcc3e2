//! Prints the shares of clients beside one that sends too much, for `docs/adr/0026-clients-have-a-ration-of-what-is-read.md`.
//!
//! `cargo run --release -p evenkeel-simulator --example wild`

use std::time::Duration;

use evenkeel_simulator::{Evenkeel, simulate, workloads};

fn main() {
    println!("| workload | wild sends | others served | wild served | goodput over capacity |\n|---|---|---|---|---|");
    for base in [workloads::cpu_yielding, workloads::cpu_hard] {
        for wild in [1.5, 2.5, 5.0] {
            let sized = workloads::wild_client_with_dear_refusals(base(), wild);
            let capacity = sized.capacity;
            let workload = sized.at(wild + 0.5, Duration::from_secs(10));
            let report = simulate(&workload, &mut Evenkeel::new(&workload));
            println!(
                "| {} | {wild} | {:.3} | {:.3} | {:.3} |",
                workload.name,
                report.served(0),
                report.served(1),
                report.goodput() / capacity
            );
        }
    }
}
