//! Simulates a workload of your own. Copy this file, describe your service, and compare.
//!
//! `cargo run --release -p evenkeel-simulator --example workload`

use std::time::Duration;

use evenkeel_simulator::{
    Clients, Evenkeel, LIMITS, RequestKind, Time, Unlimited, WAITS, Work, Workload, best_static, simulate,
};

fn main() {
    let milli = Duration::from_millis;
    // A search that computes, and a lookup that asks a database with 20 connections.
    let search = Work::Yielding { time: Time::LogNormal(milli(8), 1.0), slice: milli(1) };
    let lookup = Work::Dependency { pool: 0, time: Time::Exponential(milli(15)) };
    let kinds = vec![
        RequestKind::new("GET /search", search).weight(0.1),
        RequestKind::new("GET /items", lookup).weight(0.9).clients(Clients::Many(1000)),
    ];
    let mut workload = Workload::new("search and lookup", kinds);
    workload.cores = 2;
    workload.pools = vec![20];
    workload.objective = milli(300);
    println!("{:>9} {:>22} {:>22} {:>22}", "load/s", "without", "best static limit", "evenkeel");
    for load in [500.0, 1000.0, 2000.0, 5000.0, 10_000.0] {
        let workload = workload.clone().load(300.0, Duration::from_secs(2), load, Duration::from_secs(10));
        let without = simulate(&workload, &mut Unlimited);
        let with = simulate(&workload, &mut Evenkeel::new(&workload));
        let Some(best) = best_static(&workload, &LIMITS, &WAITS, true) else { return };
        let cell = |report: &evenkeel_simulator::Report| {
            format!("{:.0}/s, p99 {} ms", report.goodput(), report.latency(0.99).as_millis())
        };
        println!("{load:>9} {:>22} {:>22} {:>22}", cell(&without), cell(&best.report), cell(&with));
    }
}
