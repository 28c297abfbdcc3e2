//! Cost of telemetry at the border: a service with everything on beside the same service without, and bare axum.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::measure::{collected, get_many, median, throughput};
use crate::observed::{Collector, Observed, Which};

/// Rounds of each, in turn.
const ROUNDS: usize = 7;
/// Requests whose instructions are counted, after as many that are not.
const COUNTED: usize = 2000;
/// Routes beside `/hello`.
const ROUTES: usize = 20;
/// Time between two scrapes.
const SCRAPE: Duration = Duration::from_secs(5);
/// The services, in the order of the table.
const WHICH: [Which; 3] = [Which::Everything, Which::Quiet, Which::Bare];

/// Figures of one service.
#[derive(Default)]
struct Figures {
    /// Requests a second of each round.
    requests: Vec<f64>,
    /// Microseconds of processor time a request, of each round.
    processor: Vec<f64>,
}

/// The part of the report about telemetry at the border.
pub(crate) fn report() -> Result<String, String> {
    let collector = Collector::start()?;
    let mut all: [(Observed, Figures); 3] = {
        let start =
            |which| Ok::<_, String>((Observed::start(which, ROUTES, &[], collector.address, &[])?, Figures::default()));
        [start(WHICH[0])?, start(WHICH[1])?, start(WHICH[2])?]
    };
    for (observed, _) in &all {
        get_many(observed.server.address, 1000)?;
    }
    let scraper = Scraper::start(all[0].0.admin);
    for _ in 0..ROUNDS {
        for (observed, figures) in &mut all {
            let before = processor_ticks(observed)?;
            let requests = throughput(observed.server.address)?;
            let used = processor_ticks(observed)? - before;
            figures.requests.push(requests);
            // wrk runs for three seconds; a tick is 10 ms.
            figures.processor.push(used * 10_000.0 / (requests * 3.0));
        }
    }
    let scrapes = scraper.end()?;
    let mut instructions = Vec::new();
    for which in WHICH {
        instructions.push(counted(which, &collector)?);
    }
    let [whole, quiet, bare] = all.map(|(_, figures)| figures);
    Ok(table([&whole, &quiet, &bare], &instructions, scrapes))
}

fn table(all: [&Figures; 3], instructions: &[f64], scrapes: usize) -> String {
    let mut text = format!(
        "## Telemetry at the border\n\nA hello route; wrk, 1 thread, 32 connections, 3 s, {ROUNDS} rounds of each in turn. *everything*: metrics, the log at `info`, an objective, \
         traces sampled at 5 %, all three exported over OTLP to a collector on the same two cores, and a scrape each {} s ({scrapes} in all). *quiet*: the same service without log lines, \
         objective, exports and scrapes; it counts its metrics all the same. Ratios are the median of those of a round, lowest and highest in brackets. Processor time is that of all threads of \
         the service. Instructions by callgrind.\n\n| | requests a second | to quiet | to bare axum | processor time a request | instructions a request |\n|---|---|---|---|---|---|\n",
        SCRAPE.as_secs()
    );
    for ((name, figures), instructions) in ["everything", "quiet", "bare axum"].iter().zip(all).zip(instructions) {
        let _ = writeln!(
            text,
            "| {name} | {:.0} | {} | {} | {:.2} us | {instructions:.0} |",
            median(figures.requests.clone()),
            ratio(figures, all[1]),
            ratio(figures, all[2]),
            median(figures.processor.clone()),
        );
    }
    text.push('\n');
    text
}

/// The median of the ratios of a round, and the lowest and the highest.
fn ratio(one: &Figures, other: &Figures) -> String {
    let ratios: Vec<f64> = one.requests.iter().zip(&other.requests).map(|(one, other)| one / other).collect();
    let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.3} ({lowest:.2} to {highest:.2})", median(ratios))
}

/// Processor time of a service so far, in ticks.
fn processor_ticks(observed: &Observed) -> Result<f64, String> {
    let file = format!("/proc/{}/stat", observed.server.child.id());
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    ticks(&text).ok_or_else(|| format!("{file} is not understood: {text}"))
}

/// User and system time of `/proc/PID/stat`, whose second field may hold blanks.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
}

/// Instructions a request, counted by callgrind: the difference between two runs of different length.
fn counted(which: Which, collector: &Collector) -> Result<f64, String> {
    let run = |requests: usize| -> Result<f64, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (out, log) = (folder.path().join("out"), folder.path().join("log"));
        let (out, log_option) =
            (format!("--callgrind-out-file={}", out.display()), format!("--log-file={}", log.display()));
        let prefix = ["valgrind", "--tool=callgrind", &out, &log_option];
        let observed = Observed::start(which, ROUTES, &prefix, collector.address, &[])?;
        get_many(observed.server.address, requests)?;
        observed.server.end()?;
        let text = std::fs::read_to_string(&log).map_err(|error| format!("no log of valgrind: {error}"))?;
        collected(&text).ok_or_else(|| format!("valgrind said:\n{text}"))
    };
    Ok((run(2 * COUNTED)? - run(COUNTED)?) / COUNTED as f64)
}

/// A thread that scrapes a service until it is told to end.
struct Scraper {
    ends: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<usize, String>>,
}

impl Scraper {
    fn start(admin: Option<SocketAddr>) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let told = ends.clone();
        let thread = std::thread::spawn(move || {
            let Some(admin) = admin else { return Ok(0) };
            let mut scrapes = 0;
            while !told.load(Ordering::Relaxed) {
                scrape(admin, "application/openmetrics-text")?;
                scrapes += 1;
                std::thread::park_timeout(SCRAPE);
            }
            Ok(scrapes)
        });
        Self { ends, thread }
    }

    fn end(self) -> Result<usize, String> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().map_err(|_panic| "the scraper panicked".to_owned())?
    }
}

/// Scrapes the admin listener once; returns the bytes of the answer.
pub(crate) fn scrape(admin: SocketAddr, format: &str) -> Result<usize, String> {
    let told = |error: std::io::Error| format!("a scrape failed: {error}");
    let mut socket = TcpStream::connect(admin).map_err(told)?;
    socket.set_read_timeout(Some(Duration::from_secs(30))).map_err(told)?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: bench\r\naccept: {format}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).map_err(told)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).map_err(told)?;
    match answer.starts_with(b"HTTP/1.1 200") {
        true => Ok(answer.len()),
        false => {
            Err(format!("a scrape was answered with {}", String::from_utf8_lossy(&answer[..answer.len().min(200)])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(200.0));
    }
}
