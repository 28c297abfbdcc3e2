//! Cost of a request in the load generator, and a comparison of its figures with those of its peers: the same server, the same rate.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::border;
use crate::measure::{self, median};

/// Rounds of each generator, one after the other.
const ROUNDS: usize = 3;
/// Requests a second of those that have a rate.
const RATE: u32 = 5000;
/// Seconds of one round.
const SECONDS: u32 = 5;
/// Connections of each.
const CONNECTIONS: u32 = 64;

/// A generator, and how its figures are read.
struct Generator {
    name: &'static str,
    /// The shell command; `TARGET` stands for the server.
    command: String,
    read: fn(&str) -> Option<Figures>,
    rounds: Vec<(Figures, f64)>,
}

/// Figures of a generator: requests, and latencies in milliseconds.
#[derive(Clone, Copy)]
struct Figures {
    requests: f64,
    p50: f64,
    p90: f64,
    p99: f64,
}

/// The load generator's part of the report.
pub(crate) fn report() -> Result<String, String> {
    let keel = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("keel");
    if !keel.exists() {
        return Err(format!("{} is missing: cargo build --release -p keel-prover", keel.display()));
    }
    let server = border::start(&[], "bare")?;
    let ours = |flags: &str| {
        format!(
            "{} load TARGET --rate {RATE} --for {SECONDS}s -c {CONNECTIONS}{flags} --quiet --format json",
            measure::shown(&keel).display()
        )
    };
    let generator = |name, command, read| Generator { name, command, read, rounds: Vec::new() };
    let mut generators = vec![
        generator("keel load, bursts", ours(" --bursts 1ms"), of_keel),
        generator("keel load, even", ours(""), of_keel),
        generator(
            "oha",
            format!(
                "target/peers/bin/oha -q {RATE} -z {SECONDS}s -c {CONNECTIONS} --latency-correction --no-tui \
                 --output-format json TARGET"
            ),
            of_oha,
        ),
        generator("wrk (closed loop)", format!("wrk -t1 -c{CONNECTIONS} -d{SECONDS}s --latency TARGET"), of_wrk),
    ];
    for _ in 0..ROUNDS {
        for generator in &mut generators {
            generator.round(server.address)?;
        }
    }
    Ok(table(&generators))
}

impl Generator {
    fn round(&mut self, server: SocketAddr) -> Result<(), String> {
        let command = self.command.replace("TARGET", &format!("http://{server}/hello"));
        // The shell tells what its children have used.
        let script = format!("{command} || exit 9; echo; times");
        let output = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output();
        let output = output.map_err(|error| format!("cannot run sh: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = |why: &str| format!("`{command}`: {why}; make bench installs what is needed");
        let code = output.status.code();
        if code != Some(0) {
            return Err(told(&format!("it ended with {code:?}")));
        }
        let used = text.trim_end().lines().next_back().and_then(seconds).ok_or_else(|| told("no times"))?;
        let figures = (self.read)(&text).ok_or_else(|| told(&format!("what it said is not understood: {text}")))?;
        self.rounds.push((figures, figures.requests / used));
        Ok(())
    }
}

/// The sum of `0m1.230s 0m0.450s`.
fn seconds(line: &str) -> Option<f64> {
    let one = |word: &str| {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    line.split_whitespace().map(one).sum()
}

/// The first JSON document in the text.
fn document(text: &str) -> Option<serde_json::Value> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter();
    documents.next()?.ok()
}

fn of_keel(text: &str) -> Option<Figures> {
    let report = document(text)?;
    let latency = |name: &str| report["total"]["latency_ms"][name].as_f64();
    let requests = report["total"]["expected"].as_f64()?;
    Some(Figures { requests, p50: latency("p50")?, p90: latency("p90")?, p99: latency("p99")? })
}

fn of_oha(text: &str) -> Option<Figures> {
    let report = document(text)?;
    let latency = |name: &str| Some(report["latencyPercentiles"][name].as_f64()? * 1000.0);
    let requests = report["statusCodeDistribution"]["200"].as_f64()?;
    Some(Figures { requests, p50: latency("p50")?, p90: latency("p90")?, p99: latency("p99")? })
}

fn of_wrk(text: &str) -> Option<Figures> {
    let latency = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
        let word = line.split_whitespace().nth(1)?;
        let number = |unit| word.strip_suffix(unit).and_then(|number: &str| number.parse::<f64>().ok());
        number("us").map(|it| it / 1000.0).or_else(|| number("ms")).or_else(|| number("s").map(|it| it * 1000.0))
    };
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?.0.parse().ok()?;
    Some(Figures { requests, p50: latency("50%")?, p90: latency("90%")?, p99: latency("99%")? })
}

fn table(generators: &[Generator]) -> String {
    let mut text = format!(
        "## The load generator\n\nA server of bare axum on the same two cores, {CONNECTIONS} connections, {SECONDS} s a round, {RATE} \
         requests a second of those that have a rate. oha's timers tick once a millisecond, and what has become due by then \
         leaves together: those are the arrivals of `--bursts 1ms`, so that these two figures are of the same work. Even \
         arrivals, the default, wake the generator and the idle server for each. wrk has no rate and sends as fast as it is \
         answered, so its latencies are those of a saturated server. Cost: requests for a second of the generator's own processor time, user and \
         system. Medians of {ROUNDS} rounds, in turn.\n\n| | requests a core-second | to the first | p50 | p90 | p99 \
         |\n|---|---|---|---|---|---|\n"
    );
    let of =
        |generator: &Generator, read: fn(&(Figures, f64)) -> f64| median(generator.rounds.iter().map(read).collect());
    let ours = generators.first().map_or(1.0, |generator| of(generator, |round| round.1));
    let mut commands = String::new();
    for generator in generators {
        let cost = of(generator, |round| round.1);
        let _ = writeln!(
            text,
            "| {} | {cost:.0} | {:.2} | {:.2} ms | {:.2} ms | {:.2} ms |",
            generator.name,
            cost / ours,
            of(generator, |round| round.0.p50),
            of(generator, |round| round.0.p90),
            of(generator, |round| round.0.p99)
        );
        let _ = writeln!(commands, "- {}: `{}`", generator.name, generator.command);
    }
    format!("{text}\n{commands}\n")
}
