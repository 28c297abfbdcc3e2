//! Prints the table of `docs/adr/0028-pools-and-classes-share-a-gate.md`: routes that wait for one writer, classes, and a wild client, without and with a gate that
//! counts the places of the pool. Shares of what was sent, or of the capacity, are those of three seeds.
//!
//! `cargo run --release -p evenkeel-simulator --example sharing`

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Evenkeel, Report, simulate};

fn main() {
    println!("| workload | places not counted | places counted |\n|---|---|---|");
    for times in [2.0, 4.0] {
        let name =
            format!("a writer beside computing at {times}x: goodput over that of the writer in seconds 1 to 3, p99");
        compare(&name, times, workloads::writer_beside_computing, |report, capacity| {
            let good = report.between(2, 5).good as f64 / 3.0 / capacity;
            format!("{good:.2} ({} ms)", report.latency(0.99).as_millis())
        });
    }
    let writes =
        |report: &Report, _| format!("{:.2} {:.2} {:.2}", report.served(0), report.served(1), report.served(2));
    compare(
        "writes of 6 ms and reads beside a crawl of 3x: writes, transfers, reads served",
        1.0,
        || workloads::crawl_beside_writes(0.6, 3.0, false),
        writes,
    );
    for crawl in [1.0, 1.5, 3.0] {
        let name = format!("transactions beside a crawl of {crawl}x: writes, transfers, reads served");
        compare(&name, 1.0, || workloads::crawl_beside_transactions(0.5, crawl), writes);
    }
    for wild in [1.5, 3.0] {
        let name = format!("a wild client at {wild}x beside 16 others: their writes, transfers, reads served");
        compare(&name, 1.0, || workloads::wild_client_beside_transactions(wild), writes);
    }
}

/// Runs a workload from a quiet start on, with three seeds.
fn compare(name: &str, times: f64, sized: impl Fn() -> SizedWorkload, cell: impl Fn(&Report, f64) -> String) {
    let cells = [false, true].map(|counting| {
        let of_seed = |seed| {
            let capacity = sized().capacity;
            let workload = sized().steps(&[(0.0, 0.2), (2.0, times)], Duration::from_secs(9)).seed(seed);
            let control = Evenkeel::new(&workload);
            let mut control = if counting { control.counting_places(&workload) } else { control };
            cell(&simulate(&workload, &mut control), capacity)
        };
        [1, 2, 3].map(of_seed).join("; ")
    });
    println!("| {name} | {} |", cells.join(" | "));
}
