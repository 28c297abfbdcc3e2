//! Resident memory of a service with 1,000 routes and everything of telemetry on, over an hour of few requests.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::observed::{Collector, Observed, Which};
use crate::overhead::scrape;

/// Number of routes beside `/hello`: about as many as telemetry tells apart.
const ROUTES: usize = 1000;
/// Requests a second.
const RATE: u64 = 50;
/// Time between two scrapes, which ask for each format in turn.
const SCRAPE: Duration = Duration::from_secs(5);
/// Media types of the scrapes, in turn.
const FORMATS: [&str; 3] = ["text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"];
/// One request in so many is answered with 500, each route in its turn.
const FAILING: u64 = 20;
/// One request in so many is for a path without a route, each time another.
const STRANGE: u64 = 50;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Minutes that the table shows.
const SHOWN: [u64; 8] = [0, 1, 2, 5, 10, 30, 45, 60];

/// Figures of a run.
struct Run {
    /// Resident MiB at each minute, the first before any request; those that no file backs beside them.
    minutes: Vec<(f64, f64)>,
    requests: u64,
    scrapes: u64,
    scraped_bytes: usize,
}

/// Measures for so many minutes and prints the section.
pub(crate) fn run(minutes: &str) -> ExitCode {
    let minutes: u64 = match minutes.parse() {
        Ok(minutes) if (1..=240).contains(&minutes) => minutes,
        _ => {
            eprintln!("bench: {minutes:?} is no number of minutes from 1 to 240: as in bench memory 60");
            return ExitCode::from(2);
        }
    };
    match report(minutes) {
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

fn report(minutes: u64) -> Result<String, String> {
    let collector = Collector::start()?;
    // The others only say what there is without telemetry; two minutes fill their pools.
    let bare = measure(Which::Bare, &collector, 2.min(minutes))?;
    let quiet = measure(Which::Quiet, &collector, 2.min(minutes))?;
    let before = collector.taken();
    let whole = measure(Which::Everything, &collector, minutes)?;
    let after = collector.taken();
    let mut text = format!(
        "## Memory of 1,000 routes\n\nResident memory of a service with {ROUTES} routes, in brackets that which no file backs (heap and stacks, without the program's code); {RATE} requests a second over all routes on one connection, one in \
         {FAILING} answered with 500 and one in {STRANGE} for a path that nobody else asks for. *everything*: metrics, each request's log line, an objective, \
         traces sampled at 5 %, all three exported over OTLP (metrics each 5 s), and a scrape each 5 s in each format in turn. *quiet*: the same service without \
         log lines, objective, exports and scrapes. *bare axum*: the same routes without Evenkeel.\n\n| minute | everything | quiet | bare axum |\n|---|---|---|---|\n"
    );
    let cell = |run: &Run, minute: u64| {
        let at = usize::try_from(minute).ok().and_then(|minute| run.minutes.get(minute));
        at.map_or_else(String::new, |(all, anonymous)| format!("{all:.1} ({anonymous:.1}) MiB"))
    };
    for minute in SHOWN.into_iter().filter(|minute| *minute <= minutes) {
        let _ = writeln!(
            text,
            "| {minute} | {} | {} | {} |",
            cell(&whole, minute),
            cell(&quiet, minute),
            cell(&bare, minute)
        );
    }
    let of_all = |pick: fn(f64, f64) -> f64, from: usize| {
        whole.minutes.iter().skip(from).map(|(all, _)| *all).reduce(pick).unwrap_or(0.0)
    };
    let _ = writeln!(
        text,
        "\n{} requests, {} scrapes of {:.1} MiB in all, {} exports of {:.1} MiB in all. Highest of all minutes: {:.1} MiB.",
        whole.requests,
        whole.scrapes,
        mib(whole.scraped_bytes as f64),
        after.0 - before.0,
        mib((after.1 - before.1) as f64),
        of_all(f64::max, 0),
    );
    if whole.minutes.len() > 30 {
        let _ = writeln!(text, "From minute 30 on: {:.1} to {:.1} MiB.", of_all(f64::min, 30), of_all(f64::max, 30));
    }
    let _ = writeln!(text, "\n- `bench memory {minutes}`\n");
    Ok(text)
}

fn mib(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}

/// Sends requests for so many minutes; writes the memory of each minute to standard error.
fn measure(which: Which, collector: &Collector, minutes: u64) -> Result<Run, String> {
    let settings = [("OTEL_METRIC_EXPORT_INTERVAL", "5000")];
    let observed = Observed::start(which, ROUTES, &[], collector.address, &settings)?;
    let resident = || {
        let both = observed.server.resident_mib().zip(observed.server.anonymous_mib());
        both.ok_or_else(|| format!("{which:?}: it has ended"))
    };
    // The first export and the first snapshots belong to the start.
    std::thread::sleep(Duration::from_secs(7));
    let mut run = Run { minutes: vec![resident()?], requests: 0, scrapes: 0, scraped_bytes: 0 };
    let mut socket = connect(observed.server.address)?;
    let (began, mut next_scrape) = (Instant::now(), Instant::now() + SCRAPE);
    for number in 0..minutes * 60 * RATE {
        let due = began + Duration::from_micros(number * 1_000_000 / RATE);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        ask(&mut socket, observed.server.address, &path(number))?;
        run.requests += 1;
        if let (Some(admin), Which::Everything) = (observed.admin, which)
            && Instant::now() >= next_scrape
        {
            next_scrape += SCRAPE;
            let format = FORMATS[usize::try_from(run.scrapes).unwrap_or(0) % FORMATS.len()];
            run.scraped_bytes += scrape(admin, format)?;
            run.scrapes += 1;
        }
        if (number + 1) % (60 * RATE) == 0 {
            run.minutes.push(resident()?);
            let (all, anonymous) = resident()?;
            eprintln!("{which:?}, minute {}: {all:.1} MiB, {anonymous:.1} of them anonymous", run.minutes.len() - 1);
        }
    }
    observed.server.end()?;
    Ok(run)
}

/// The path of a request.
fn path(number: u64) -> String {
    let routes = ROUTES as u64;
    let round = number / routes;
    // Shifted by one each round: a route that gave its turn to a strange path has one in the next.
    let route = (number + round) % routes;
    if number % STRANGE == STRANGE - 1 {
        return format!("/strange/{number}");
    }
    let fails = (route + round).is_multiple_of(FAILING);
    format!("/r{route}/{number}{}", if fails { "?fail" } else { "" })
}

fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let told = |error: std::io::Error| format!("cannot connect to {address}: {error}");
    let socket = TcpStream::connect(address).map_err(told)?;
    socket.set_nodelay(true).map_err(told)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    Ok(socket)
}

/// One request on a kept connection: a new connection is made where the server closed the old one.
fn ask(socket: &mut TcpStream, address: SocketAddr, path: &str) -> Result<(), String> {
    for _ in 0..2 {
        if once(socket, path).is_ok() {
            return Ok(());
        }
        *socket = connect(address)?;
    }
    Err(format!("GET {path} was not answered on a new connection either"))
}

fn once(socket: &mut TcpStream, path: &str) -> std::io::Result<()> {
    socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes())?;
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        match socket.read(&mut bytes)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&bytes[..read]),
        }
        if is_whole(&answer) {
            return Ok(());
        }
    }
}

/// Returns true when the head and the whole body that it announces are there.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_route_is_asked_and_each_fails_within_an_hour() {
        let mut asked: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for path in (0..60 * 60 * RATE).map(path).filter(|path| path.starts_with("/r")) {
            let of_route = asked.entry(path.split('/').nth(1).unwrap().to_owned()).or_default();
            of_route.0 += 1;
            of_route.1 += u64::from(path.ends_with("?fail"));
        }
        assert_eq!(asked.len(), ROUTES);
        assert!(asked.values().all(|(all, failed)| *all > 100 && (1..*all).contains(failed)), "{asked:?}");
    }

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nye"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"));
    }
}
