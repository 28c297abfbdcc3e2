//! Goodput under overload: answers within the objective at multiples of the capacity, against bare axum, axum with the best static limit of a
//! sweep, and HAProxy with the best limit of a sweep in front of bare axum.
//!
//! The server has core 0 and the generator core 1, so that neither measures the other's queue. HAProxy shares core 0 with its server: the core is
//! what a deployment has.

mod generator;
mod peer;
mod plan;
mod plot;
mod scenario;
mod server;
mod tally;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use self::peer::{Peer, Setting, fire};
use self::plan::{CLIENTS, CONNECTIONS, OBJECTIVE, PATIENCE, Pace, Plan, Source};
use self::plot::Line;
use self::scenario::Scenario;
use self::server::{LONG, Workload};
use self::tally::{Outcome, SLICE};

/// Multiples of the capacity.
const MULTIPLES: [f64; 5] = [0.9, 2.0, 4.0, 10.0, 20.0];
/// Static limits of the sweep, and the multiple at which it is made.
const LIMITS: [usize; 3] = [8, 32, 128];
const SWEEP: f64 = 2.0;
/// Of the requests of the bimodal workload, the share that is long.
const LONG_SHARE: f64 = 0.1;
/// Lateness of the generator from which a figure is marked.
const LATE_MS: f64 = 100.0;
/// The folder of the plots.
const PLOTS: &str = "bench/plots";

/// Durations of the runs.
#[derive(Clone, Copy, Debug)]
struct Times {
    warm_up: Duration,
    counted: Duration,
    /// Of a run of the sweep.
    swept: Duration,
}

impl Times {
    const WHOLE: Self = Self {
        warm_up: Duration::from_millis(1500),
        counted: Duration::from_millis(1500),
        swept: Duration::from_secs(1),
    };
    const SHORT: Self =
        Self { warm_up: Duration::from_millis(1200), counted: Duration::from_secs(1), swept: Duration::from_secs(1) };
}

/// One bench of a workload.
struct Bench {
    setting: Setting,
    times: Times,
    /// Requests a second that bare axum does.
    capacity: f64,
}

/// The part of the report on overload: all workloads and all scenarios.
pub(crate) fn report() -> Result<String, String> {
    all(Times::WHOLE, None, &MULTIPLES)
}

/// A short run without HAProxy, with one static limit, for a look at a busy machine.
pub(crate) fn short() -> ExitCode {
    show(all(Times::SHORT, Some(&["bare", "static:32", "evenkeel"]), &[2.0, 10.0]))
}

/// All workloads and scenarios on these peers; where none are named, on those of the sweep.
fn all(times: Times, peers: Option<&[&str]>, multiples: &[f64]) -> Result<String, String> {
    let mut text = format!(
        "## Overload\n\nOne server on core 0, an open-loop generator on core 1: Poisson arrivals of {CLIENTS} clients, each with an address of its own, at \
         most {CONNECTIONS} connections, and {PATIENCE:?} of patience, after which it closes its connection. Goodput is the number of answers with \
         status 200 within {OBJECTIVE:?} of the intended time, a second, over the capacity: what bare axum does in a closed loop. Each \
         cell: goodput over capacity (p99 of the answers with status 200 in ms, and the share of the requests that were answered at all, refusals included: where it \
         is small, clients wait in vain on all their connections, and the load that reaches the server is that much smaller). {:?} counted after {:?}. Nothing is configured for evenkeel but the class of \
         `/critical`. *static* is axum with the limit of requests at a time that did best at {SWEEP}x of {LIMITS:?}; *HAProxy* stands in front of bare axum, on \
         the same core, with the `maxconn` that did best, and a `timeout queue` of 100 ms. An asterisk marks runs in which the generator sent a \
         request more than {LATE_MS} ms late.\n\n",
        times.counted, times.warm_up
    );
    let rounds = server::rounds_in_a_millisecond();
    let mut scenarios = String::new();
    for workload in Workload::ALL {
        let bench = Bench::of(workload, rounds, times)?;
        let peers = match peers {
            Some(peers) => peers.iter().map(|name| (*name).to_owned()).collect(),
            None => bench.peers()?,
        };
        text.push_str(&bench.table(&peers, multiples)?);
        if workload == Workload::CpuYielding {
            for scenario in Scenario::ALL {
                scenarios.push_str(&bench.scenario(scenario, &peers)?);
            }
        }
    }
    Ok(text + &scenarios)
}

/// Runs one workload or scenario on some servers at some multiples, and prints the table. `best` sweeps for the limits.
pub(crate) fn part(name: &str, servers: &str, multiples: &str) -> ExitCode {
    let multiples: Result<Vec<f64>, _> = multiples.split(',').map(str::parse).collect();
    let rounds = server::rounds_in_a_millisecond();
    let named = |bench: &Bench| match servers {
        "best" => bench.peers(),
        _ => Ok(servers.split(',').map(str::to_owned).collect()),
    };
    let scenario = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
    let table = match (Workload::named(name), scenario, multiples) {
        (_, _, Err(_)) => Err("the multiples are numbers with commas between, such as 0.9,2".to_owned()),
        (Some(workload), _, Ok(multiples)) => {
            Bench::of(workload, rounds, Times::WHOLE).and_then(|bench| bench.table(&named(&bench)?, &multiples))
        }
        (None, Some(scenario), Ok(_)) => Bench::of(Workload::CpuYielding, rounds, Times::WHOLE)
            .and_then(|bench| bench.scenario(scenario, &named(&bench)?)),
        (None, None, _) => {
            let names = Workload::ALL.map(Workload::name).into_iter().chain(Scenario::ALL.map(Scenario::name));
            Err(format!("{name:?} is no workload and no scenario: {}", names.collect::<Vec<_>>().join(", ")))
        }
    };
    show(table)
}

fn show(table: Result<String, String>) -> ExitCode {
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
pub(crate) fn serve(which: &str, workload: &str, rounds: &str, halved_after: &str, port: &str) -> ExitCode {
    server::serve(which, workload, rounds, halved_after, port)
}

/// Runs the generator, in a process of its own, with a plan in JSON.
pub(crate) fn generate(plan: &str) -> ExitCode {
    match serde_json::from_str(plan) {
        Ok(plan) => generator::run(&plan),
        Err(error) => {
            eprintln!("bench: the plan of the generator cannot be read: {error}");
            ExitCode::from(2)
        }
    }
}

impl Bench {
    /// Measures the capacity of a workload.
    fn of(workload: Workload, rounds: u64, times: Times) -> Result<Self, String> {
        let setting = Setting { workload, rounds, halved_after: Duration::ZERO };
        let mut bench = Self { setting, times, capacity: 0.0 };
        let at_once = if workload == Workload::Dependency { server::PLACES } else { 16 };
        let peak = bench.run("bare", vec![Source::new("all", "/work", Pace::Closed(at_once))], times.counted)?;
        bench.capacity = peak.good_per_second().max(1.0);
        if workload == Workload::Bimodal {
            bench.capacity /= 1.0 - LONG_SHARE + LONG_SHARE * LONG as f64;
        }
        Ok(bench)
    }

    /// One run of a load on one server.
    fn run(&self, which: &str, sources: Vec<Source>, counted: Duration) -> Result<Outcome, String> {
        self.run_after(which, sources, self.times.warm_up, counted)
    }

    fn run_after(
        &self,
        which: &str,
        sources: Vec<Source>,
        warm_up: Duration,
        counted: Duration,
    ) -> Result<Outcome, String> {
        let peer = Peer::start(which, &self.setting)?;
        let plan = Plan { address: peer.address, sources, warm_up, counted };
        let outcome = fire(&plan)?;
        peer.end()?;
        let told = outcome.sources.iter().map(|of| {
            format!(
                "{} offered {} good {} refused {} given up {} unsent {} failed {} opened {}",
                of.name, of.offered, of.good, of.refused, of.given_up, of.unsent, of.failed, of.opened
            )
        });
        let told = told.collect::<Vec<_>>().join("; ");
        eprintln!("{} {which}: {told}; late {:.1} ms", self.setting.workload.name(), outcome.late_ms);
        Ok(outcome)
    }

    /// The steady load at a multiple of the capacity.
    fn steady(&self, multiple: f64, lasts: Duration) -> Vec<Source> {
        let pace = |share: f64| Pace::Open(vec![(lasts, share * multiple * self.capacity)]);
        if self.setting.workload != Workload::Bimodal {
            return vec![Source::new("all", "/work", pace(1.0))];
        }
        let half = CLIENTS / 2;
        vec![
            Source::new("short", "/work", pace(1.0 - LONG_SHARE)).by_clients(0, half, CONNECTIONS),
            Source::new("long", "/long", pace(LONG_SHARE)).by_clients(half, half, CONNECTIONS),
        ]
    }

    /// The servers that are compared, the limits being the best of the sweep.
    fn peers(&self) -> Result<Vec<String>, String> {
        let mut peers = vec!["bare".to_owned()];
        for kind in ["static", "haproxy"] {
            let mut best = (f64::NEG_INFINITY, String::new());
            for limit in LIMITS {
                let which = format!("{kind}:{limit}");
                let sources = self.steady(SWEEP, self.times.warm_up + self.times.swept);
                let good = self.run(&which, sources, self.times.swept)?.good_per_second();
                if good > best.0 {
                    best = (good, which);
                }
            }
            peers.push(best.1);
        }
        peers.push("evenkeel".to_owned());
        Ok(peers)
    }

    fn table(&self, peers: &[String], multiples: &[f64]) -> Result<String, String> {
        let name = self.setting.workload.name();
        let mut text = format!("| {name} ({:.0}/s) |", self.capacity);
        for multiple in multiples {
            let _ = write!(text, " {multiple}x |");
        }
        let _ = writeln!(text, "\n|---|{}", "---|".repeat(multiples.len()));
        let mut lines = Vec::new();
        for which in peers {
            let _ = write!(text, "| {which} |");
            let mut points = Vec::new();
            for multiple in multiples {
                let lasts = self.times.warm_up + self.times.counted;
                let outcome = self.run(which, self.steady(*multiple, lasts), self.times.counted)?;
                let goodput = outcome.good_per_second() / self.capacity;
                let p99 = outcome.p99_ms().map_or("-".to_owned(), |p99| format!("{p99:.0}"));
                let mark = if outcome.late_ms > LATE_MS { "*" } else { "" };
                let answered = 100.0 * outcome.share_answered();
                let _ = write!(text, " {goodput:.2} ({p99}, {answered:.0} %){mark} |");
                points.push((multiple.log2(), goodput));
            }
            text.push('\n');
            lines.push(Line { name: which.clone(), points });
        }
        let ticks: Vec<(f64, String)> =
            multiples.iter().map(|multiple| (multiple.log2(), format!("{multiple}x"))).collect();
        let file = save(
            name,
            &plot::svg(&format!("{name}: goodput over capacity"), "offered, times the capacity", &ticks, &lines),
        )?;
        let _ = writeln!(text, "\n![goodput over the offered load]({file})\n");
        Ok(text)
    }

    fn scenario(&self, scenario: Scenario, peers: &[String]) -> Result<String, String> {
        let (warm_up, counted) = scenario.times();
        let setting = Setting { halved_after: scenario.halved_after(), ..self.setting.clone() };
        let bench = Self { setting, ..*self };
        let mut text = format!(
            "| {}, {} | {} |\n",
            scenario.name(),
            bench.setting.workload.name(),
            scenario.columns().join(" | ")
        );
        let _ = writeln!(text, "|---|{}", "---|".repeat(scenario.columns().len()));
        let mut lines = Vec::new();
        for which in peers {
            let outcome = bench.run_after(which, scenario.sources(self.capacity), warm_up, counted)?;
            let mark = if outcome.late_ms > LATE_MS { "*" } else { "" };
            let _ = writeln!(text, "| {which}{mark} | {} |", scenario.cells(&outcome, self.capacity).join(" | "));
            lines.push(Line { name: which.clone(), points: over_time(&outcome, self.capacity) });
        }
        let end = (warm_up + counted).as_secs();
        let ticks: Vec<(f64, String)> = (0..=end).map(|at| (at as f64, format!("{at} s"))).collect();
        let name = scenario.name().replace(' ', "-");
        let title = format!("{}: goodput over capacity", scenario.name());
        let file = save(&name, &plot::svg(&title, "time of the request", &ticks, &lines))?;
        let _ = writeln!(text, "\n![goodput over time]({file})\n");
        Ok(text)
    }
}

/// Goodput over the capacity, by the time of the request, in parts of half a second.
fn over_time(outcome: &Outcome, capacity: f64) -> Vec<(f64, f64)> {
    let part = Duration::from_millis(5 * SLICE);
    let slices = outcome.sources.iter().map(|source| source.offered_slices.len()).max().unwrap_or_default();
    let parts = u32::try_from(slices / 5).unwrap_or(0);
    let good = |from: Duration| outcome.sources.iter().map(|source| source.goodput(from, from + part)).sum::<f64>();
    (0..parts).map(|number| ((part * number + part / 2).as_secs_f64(), good(part * number) / capacity)).collect()
}

/// Writes a plot, and returns its place from `bench/RESULTS.md`.
fn save(name: &str, svg: &str) -> Result<String, String> {
    let file = format!("overload-{name}.svg");
    let written = std::fs::create_dir_all(PLOTS).and_then(|()| std::fs::write(format!("{PLOTS}/{file}"), svg));
    written.map_err(|error| format!("cannot write {PLOTS}/{file}: {error}; run it from the root of the repository"))?;
    Ok(format!("plots/{file}"))
}
