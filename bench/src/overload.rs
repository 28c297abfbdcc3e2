//! Goodput under overload: answers within the objective at multiples of the capacity, against bare axum and axum with a static limit.
//!
//! The server has core 0 and the generator core 1, so that neither measures the other's queue.

mod generator;
mod server;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use serde_json::Value as Json;

use self::generator::{CLIENTS, CONNECTIONS, OBJECTIVE, PATIENCE, Pace, Plan};
use self::server::Workload;
use crate::measure::{Server, free_address};

/// Multiples of the capacity.
const MULTIPLES: [f64; 4] = [0.9, 2.0, 4.0, 10.0];
/// Servers that are compared.
const SERVERS: [&str; 3] = ["bare", "static:16", "evenkeel"];
/// Time before the first request that counts, and the time in which requests count.
const WARM_UP: Duration = Duration::from_secs(2);
const COUNTED: Duration = Duration::from_secs(5);
/// Descriptors of server and generator: more than all clients have connections.
const DESCRIPTORS: &str = "16384";

/// The part of the report on overload: all workloads.
pub(crate) fn report() -> Result<String, String> {
    let mut text = format!(
        "## Overload\n\nOne server on core 0, an open-loop generator on core 1: Poisson arrivals of {CLIENTS} clients, each with an address of its own, at \
         most {CONNECTIONS} connections, and {PATIENCE:?} of patience, after which it closes its connection. Goodput is the number of answers with \
         status 200 within {OBJECTIVE:?} of the intended time, a second, over the peak of the same server in a closed loop. Each \
         cell: goodput over peak (p99 of the answers with status 200, ms). Multiples are of the peak of bare axum. {COUNTED:?} counted after \
         {WARM_UP:?}. Nothing is configured for evenkeel.\n\n"
    );
    for workload in Workload::ALL {
        text.push_str(&table(workload, &SERVERS, &MULTIPLES)?);
    }
    Ok(text)
}

/// Runs one workload on some servers at some multiples, and prints the table and the raw figures.
pub(crate) fn part(workload: &str, servers: &str, multiples: &str) -> ExitCode {
    let servers: Vec<&str> = servers.split(',').collect();
    let multiples: Result<Vec<f64>, _> = multiples.split(',').map(str::parse).collect();
    let table = match (Workload::named(workload), multiples) {
        (None, _) => Err(format!("{workload:?} is no workload: {}", Workload::ALL.map(Workload::name).join(", "))),
        (_, Err(_)) => Err("the multiples are numbers with commas between, such as 0.9,2".to_owned()),
        (Some(workload), Ok(multiples)) => table(workload, &servers, &multiples),
    };
    match table {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the server of a run until it is killed.
pub(crate) fn serve(which: &str, workload: &str, rounds: &str, port: &str) -> ExitCode {
    server::serve(which, workload, rounds, port)
}

/// Runs the generator, in a process of its own. `pace` is a rate or `closed:N`; the times are milliseconds.
pub(crate) fn generate(address: &str, pace: &str, warm_up: &str, counted: &str) -> ExitCode {
    let millis = |text: &str| text.parse().map(Duration::from_millis).ok();
    let pace = match pace.strip_prefix("closed:") {
        Some(connections) => connections.parse().map(Pace::Closed).ok(),
        None => pace.parse().map(Pace::Rate).ok(),
    };
    match (address.parse(), pace, millis(warm_up), millis(counted)) {
        (Ok(address), Some(pace), Some(warm_up), Some(counted)) => {
            generator::run(Plan { address, pace, warm_up, counted })
        }
        _ => {
            eprintln!("usage: bench generate ADDRESS RATE|closed:N WARM_UP_MS COUNTED_MS");
            ExitCode::from(2)
        }
    }
}

fn table(workload: Workload, servers: &[&str], multiples: &[f64]) -> Result<String, String> {
    let rounds = server::rounds_in_a_millisecond().to_string();
    let closed = match workload {
        Workload::Dependency => server::PLACES,
        Workload::CpuYielding | Workload::CpuHard => 16,
    };
    let run = |which: &str, pace: &str| -> Result<Json, String> {
        let server = start(which, workload, &rounds)?;
        let figures = fire(server.address, pace)?;
        eprintln!("{} {which} {pace}: {figures}", workload.name());
        server.end()?;
        Ok(figures)
    };
    let good = |figures: &Json| figures["good_per_second"].as_f64().unwrap_or_default();
    let closed = format!("closed:{closed}");
    let capacity = good(&run("bare", &closed)?);
    let mut text = format!("| {} ({capacity:.0}/s) | peak |", workload.name());
    for multiple in multiples {
        let _ = write!(text, " {multiple}x |");
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(multiples.len()));
    for which in servers {
        let peak = good(&run(which, &closed)?).max(1.0);
        let _ = write!(text, "| {which} | {peak:.0}/s |");
        for multiple in multiples {
            let figures = run(which, &format!("{:.1}", capacity * multiple))?;
            let p99 = figures["p99_ms"].as_f64().map_or("-".to_owned(), |p99| format!("{p99:.0}"));
            let _ = write!(text, " {:.2} ({p99}) |", good(&figures) / peak);
        }
        text.push('\n');
    }
    text.push('\n');
    Ok(text)
}

fn pinned(core: &str) -> Result<Command, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={DESCRIPTORS}")).args(["taskset", "-c", core]).arg(own);
    Ok(command)
}

fn start(which: &str, workload: Workload, rounds: &str) -> Result<Server, String> {
    let address = free_address()?;
    let mut command = pinned("0")?;
    command.args(["serve-overload", which, workload.name(), rounds, &address.port().to_string()]);
    Server::start(&mut command, address, Duration::from_secs(30))
}

fn fire(address: SocketAddr, pace: &str) -> Result<Json, String> {
    let (warm_up, counted) = (WARM_UP.as_millis().to_string(), COUNTED.as_millis().to_string());
    let output = pinned("1")?
        .args(["generate", &address.to_string(), pace, &warm_up, &counted])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start the generator: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the generator said nothing: {error}"))
}
