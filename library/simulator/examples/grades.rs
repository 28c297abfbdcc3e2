//! Prints the goodput by the cost of turning one request away, for the grades of `docs/adr/0025-grades-of-refusals.md`.
//!
//! `cargo run --release -p evenkeel-simulator --example grades`

use std::time::Duration;

use evenkeel_simulator::workloads::cpu_yielding;
use evenkeel_simulator::{Evenkeel, simulate};

/// The head of a request, which is read in any case.
const HEAD: u64 = 3;
/// Grades, and microseconds of the processor for each request that is turned away. An open-loop client that is held or closed comes back on a new
/// connection: its close, its handshake and its accept take 20 us, without TLS.
const GRADES: [(&str, u64); 5] = [
    ("prepared 503 below the server", 8),
    ("503 by the server", 18),
    ("hold: not read until the client leaves", HEAD + 20),
    ("prepared 503, then close", 8 + 20),
    ("503 by the server, then close", 18 + 20),
];

fn main() {
    println!("| grade | cost | 2x | 4x | 10x | 20x |\n|---|---|---|---|---|---|");
    for (grade, cost) in GRADES {
        let cells = [2.0, 4.0, 10.0, 20.0].map(|times| {
            let base = cpu_yielding();
            let capacity = base.capacity;
            let mut workload = base.at(times, Duration::from_secs(12));
            (workload.costs.head, workload.costs.refusal) =
                (Duration::from_micros(HEAD), Duration::from_micros(cost - HEAD));
            let report = simulate(&workload, &mut Evenkeel::new(&workload));
            format!("{:.3}", report.goodput() / capacity)
        });
        println!("| {grade} | {cost} us | {} |", cells.join(" | "));
    }
}
