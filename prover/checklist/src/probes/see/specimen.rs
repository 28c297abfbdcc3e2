//! Servers for the probes of chapter `see`: one that tells its operators what they need, and the same with one flaw each.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::specimen_exports::{self as exports, Source};
use super::specimen_latency::{Form, Latencies};
use crate::probes::call::specimen as call;
use crate::specimen::Server;
use crate::specimen::server::{Request, Response, serve};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Counts by the path as it came.
    RawPaths,
    /// Counts nothing.
    StandingStill,
    /// Shows no gauge.
    NoSaturation,
    /// One counter for all, for every status.
    NoStatus,
    /// Metrics that are no metrics.
    NoMetrics,
    /// Writes a number that is none as Go's ParseFloat reads it.
    GoNumbers,
    /// Shows nothing of the dependency among its metrics.
    NoCalls,
    /// Has a line among its metrics that is none.
    BadLine,
    /// Answers after 70 ms, and prints ten lines for each request.
    TenLines,
    /// Prints text.
    TextLogs,
    /// Prints the request with its headers, query and body.
    LeakyLogs,
    /// Prints a line for each request, however many.
    BoundlessLogs,
    /// Prints no ids.
    Anonymous,
    /// Prints in the thread that answers, and so waits for the reader of its output.
    Blocks,
    /// Prints from a thread of its own, and waits for it when its queue is full.
    BlocksLate,
    /// Ends once its output is not read any more.
    DiesGone,
    /// Writes a line again and again until it is taken.
    SpinsGone,
    /// Ends without a word when there is no room for its first line.
    VagueFull,
    /// Ends and says why when there is no room for its first line.
    ClearFull,
    /// Every path answers 200 with a page.
    PageForAll,
    /// Health is the word ok.
    BareHealth,
    /// Health does not show the dependency.
    Blind,
    /// Every path answers 200 with a page that repeats it.
    EchoForAll,
    /// Health shows how many requests are in flight, and nothing of the dependency.
    CountsRequests,
    /// Health counts the timeouts of the dependency.
    CountsTimeouts,
    /// Liveness asks the dependency.
    DyingWithOthers,
    /// Exports nothing over OTLP.
    NoExports,
    /// Exports metrics over OTLP, and no log records.
    MetricsAlone,
    /// Its histograms have one bound.
    OneBound,
    /// Its histograms end where the handler begins.
    TooEarly,
    /// Its latencies are quantiles since the start.
    SinceStart,
    /// Counts every second failure.
    LosesFailures,
    /// Writes its lines into a file as well.
    LogFile,
}

/// The log file of the one that has one, where it runs.
const LOG_FILE: &str = "keel-specimen.log";
/// Lines in a second that the sound one prints.
const LINES: u32 = 50;

/// It tells its operators what they need.
pub(crate) const GOOD: Server = Server::new("see-good", |port| tell(Flaw::None, port));

/// Serves with one flaw.
pub(crate) fn tell(flaw: Flaw, port: u16) -> ! {
    if matches!(flaw, Flaw::VagueFull | Flaw::ClearFull)
        && let Err(error) = writeln!(std::io::stdout(), r#"{{"ts":0,"level":"INFO","message":"starts"}}"#)
            .and_then(|()| std::io::stdout().flush())
    {
        if flaw == Flaw::ClearFull {
            // When nobody hears it the code still tells.
            let _ = writeln!(std::io::stderr(), "cannot write the log: {error}");
        }
        std::process::exit(i32::from(flaw == Flaw::ClearFull));
    }
    let service = Arc::new(Service { flaw, queue: writer(flaw), ..Service::default() });
    service.print("INFO", "started", "");
    if flaw != Flaw::NoExports {
        let told = Arc::clone(&service);
        let source: Source = Arc::new(move || (told.latencies.count(), std::mem::take(&mut *lock(&told.traces))));
        exports::begin(source, flaw == Flaw::MetricsAlone);
    }
    serve(port, move |request| service.serve(request))
}

/// Every write leaves what is inside whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Service {
    flaw: Flaw,
    latencies: Latencies,
    /// Requests that were answered with 5xx.
    failures: AtomicU64,
    /// The traces of requests whose log records are not exported yet.
    traces: Mutex<Vec<String>>,
    /// Requests by route and status.
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    /// True if the last call to the dependency failed.
    sick: AtomicBool,
    /// Requests that wait for the dependency.
    in_flight: AtomicU64,
    /// Calls to the dependency that failed.
    failed: AtomicU64,
    /// The second that is counted, and its lines.
    lines: Mutex<(Instant, u32)>,
    /// Lines on their way to standard output.
    queue: SyncSender<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            flaw: Flaw::None,
            latencies: Latencies::default(),
            failures: AtomicU64::default(),
            traces: Mutex::default(),
            requests: Mutex::default(),
            sick: AtomicBool::default(),
            in_flight: AtomicU64::default(),
            failed: AtomicU64::default(),
            lines: Mutex::new((Instant::now(), 0)),
            queue: sync_channel(1).0,
        }
    }
}

impl Service {
    fn serve(&self, request: &Request) -> Response {
        let path = request.path.split('?').next().unwrap_or_default();
        let since = Instant::now();
        let (route, response) = self.answer(path);
        let took = since.elapsed();
        let route = if self.flaw == Flaw::RawPaths { path } else { route };
        if !["/metrics", "/livez", "/readyz", "/startupz", "/health"].contains(&path)
            && self.flaw != Flaw::StandingStill
        {
            let lost = self.flaw == Flaw::LosesFailures
                && response.status >= 500
                && self.failures.fetch_add(1, Relaxed).is_multiple_of(2);
            if !lost {
                *lock(&self.requests).entry((route.to_owned(), response.status)).or_default() += 1;
            }
            self.latencies.record(route, took);
        }
        if let Some(trace) = request.header("traceparent").and_then(|header| header.split('-').nth(1)) {
            let mut traces = lock(&self.traces);
            if traces.len() < QUEUE {
                traces.push(trace.to_owned());
            }
        }
        self.log(request, path, response.status);
        response
    }

    fn answer(&self, path: &str) -> (&'static str, Response) {
        let text = |text: &str| Response::new(200, "text/plain", text);
        match path {
            _ if self.flaw == Flaw::PageForAll => ("/", text("<p>welcome")),
            _ if self.flaw == Flaw::EchoForAll => ("/", text(&format!("<p>welcome to {path}"))),
            "/" => ("/", text("hello")),
            "/price" => {
                self.in_flight.fetch_add(1, Relaxed);
                let price = call::price();
                self.in_flight.fetch_sub(1, Relaxed);
                self.sick.store(price.is_err(), Relaxed);
                self.failed.fetch_add(u64::from(price.is_err()), Relaxed);
                (
                    "/price",
                    price.map_or_else(
                        |why| Response::new(503, "text/plain", why),
                        |body| text(&String::from_utf8_lossy(&body)),
                    ),
                )
            }
            "/livez" if self.flaw == Flaw::DyingWithOthers && call::price().is_err() => {
                ("/livez", Response::new(503, "text/plain", "dead"))
            }
            "/livez" | "/readyz" | "/startupz" => ("/livez", text("ok")),
            "/health" if self.flaw == Flaw::BareHealth => ("/health", text("ok")),
            "/health" => ("/health", Response::new(200, "application/json", self.health())),
            "/metrics" => ("/metrics", text(&self.metrics())),
            _ => ("unmatched", Response::new(404, "text/plain", "nothing here")),
        }
    }

    fn health(&self) -> String {
        let part = match self.flaw {
            Flaw::CountsRequests => format!(r#""process":{{"threads":{}}}"#, 2 + self.in_flight.load(Relaxed)),
            Flaw::CountsTimeouts => format!(r#""prices":{{"timeouts":{}}}"#, self.failed.load(Relaxed)),
            _ => String::new(),
        };
        if !part.is_empty() {
            return format!(r#"{{"version":"1.0","commit":"abc123","host":"here","parts":{{{part}}}}}"#);
        }
        let sick = self.sick.load(Relaxed) && self.flaw != Flaw::Blind;
        let state = if sick { "failing" } else { "well" };
        format!(
            r#"{{"version":"1.0","commit":"abc123","host":"here","parts":{{"prices":{{"state":"{state}"}},"pool":{{"open":1}}}}}}"#
        )
    }

    fn metrics(&self) -> String {
        if self.flaw == Flaw::NoMetrics {
            return "requests: many\n".to_owned();
        }
        let requests = lock(&self.requests).clone();
        let mut text = "# TYPE http_requests_total counter\n".to_owned();
        let mut routes: BTreeMap<&str, u64> = BTreeMap::new();
        for ((route, status), count) in &requests {
            *routes.entry(route).or_default() += count;
            if self.flaw != Flaw::NoStatus {
                text.push_str(&format!("http_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}\n"));
            }
        }
        for (route, count) in routes.into_iter().filter(|_| self.flaw == Flaw::NoStatus) {
            text.push_str(&format!("http_requests_total{{route=\"{route}\"}} {count}\n"));
        }
        text.push_str(&self.latencies.text(match self.flaw {
            Flaw::OneBound => Form::OneBound,
            Flaw::TooEarly => Form::TooEarly,
            Flaw::SinceStart => Form::SinceStart,
            _ => Form::Histogram,
        }));
        if self.flaw != Flaw::NoCalls {
            let failed = self.failed.load(Relaxed);
            text.push_str(&format!(
                "# TYPE calls_failed_total counter\ncalls_failed_total{{peer=\"prices\"}} {failed}\n"
            ));
        }
        match self.flaw {
            Flaw::GoNumbers => text.push_str("# TYPE last_backup gauge\nlast_backup Nan\n"),
            Flaw::BadLine => text.push_str("last backup: never\n"),
            _ => {}
        }
        if self.flaw != Flaw::NoSaturation {
            text.push_str("# TYPE requests_in_flight gauge\nrequests_in_flight 1\n");
        }
        text
    }

    fn log(&self, request: &Request, path: &str, status: u16) {
        let id = request.header("x-request-id").unwrap_or("none");
        match self.flaw {
            Flaw::LeakyLogs => {
                let all = format!("{request:?} {}", String::from_utf8_lossy(&request.body));
                self.print("INFO", &all.replace(['"', '\\'], "'"), id);
            }
            Flaw::TenLines => {
                for step in 0..10 {
                    self.print("INFO", &format!("step {step} of {path}"), id);
                }
                std::thread::sleep(Duration::from_millis(70));
            }
            Flaw::Anonymous => self.print("INFO", &format!("{status} {path}"), ""),
            _ => self.print("INFO", &format!("{status} {path}"), id),
        }
    }

    fn print(&self, level: &str, message: &str, id: &str) {
        let mut lines = lock(&self.lines);
        // A window of two seconds, so that requests soon after a flood print nothing.
        let window = Duration::from_secs(if self.flaw == Flaw::ClearFull { 2 } else { 1 });
        if lines.0.elapsed() > window {
            *lines = (Instant::now(), 0);
        }
        lines.1 += 1;
        let bounded = ![Flaw::BoundlessLogs, Flaw::TenLines, Flaw::BlocksLate].contains(&self.flaw);
        if lines.1 > LINES && bounded {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let line = match self.flaw {
            Flaw::TextLogs => format!("{level} {message} id={id}\n"),
            _ => format!("{{\"ts\":{now},\"level\":\"{level}\",\"message\":\"{message}\",\"request_id\":\"{id}\"}}\n"),
        };
        match self.flaw {
            Flaw::LogFile => {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(LOG_FILE);
                let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
                drop(self.queue.try_send(line));
            }
            Flaw::Blocks => print!("{line}"),
            // Fails only when the writer has ended, and the process with it.
            Flaw::BlocksLate => drop(self.queue.send(line)),
            // Dropped when the queue is full.
            _ => drop(self.queue.try_send(line)),
        }
    }
}

/// Number of lines that wait for the reader of standard output.
const QUEUE: usize = 200;

/// Prints on a thread of its own.
fn writer(flaw: Flaw) -> SyncSender<String> {
    let (queue, lines) = sync_channel::<String>(QUEUE);
    std::thread::spawn(move || {
        let mut output = std::io::stdout();
        while let Ok(line) = lines.recv() {
            while output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
                match flaw {
                    Flaw::DiesGone => std::process::exit(1),
                    Flaw::SpinsGone => {}
                    _ => break,
                }
            }
        }
    });
    queue
}
