//! Servers for `see.traces`: `/price` calls the dependency, `/order` does so after its answer; spans go to
//! `OTEL_EXPORTER_OTLP_ENDPOINT` as JSON.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::clause::see::traces as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::call::specimen::DEPENDENCY;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// No flaw: its queued work has a trace of its own, with a link to the request's.
    Links,
    /// Propagates and exports nothing.
    Silent,
    /// No flaw where it calls nothing: only its spans show its traces.
    Leaf,
    /// Calls without a context.
    Untraced,
    /// Sends the header on as it came.
    Copies,
    /// Its queued work has a trace of its own without a link.
    ForgetsQueue,
    /// Says that everything is sampled, and exports it.
    SamplesAll,
    /// Its failed requests are no errors.
    QuietErrors,
    /// Exports in the thread that answers.
    Blocks,
    /// Ends when it cannot read the collector's answer.
    Believes,
    /// Exports all that is left at its end, for as long as it takes.
    WaitsAtTheEnd,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("traces-good", |port| trace(Flaw::None, port))
        .holds("continues the traces of requests, in queued work too, and exports beside the requests"),
    Server::new("traces-links", |port| trace(Flaw::Links, port))
        .holds("its queued work has a trace of its own with a link to the request's"),
    Server::new("traces-leaf", |port| trace(Flaw::Leaf, port))
        .holds_but_for(&[clause::QUEUES, clause::ERRORS], "calls nothing: its exported spans show its traces"),
    Server::new("traces-silent", |port| trace(Flaw::Silent, port)).holds_but_for(
        &[clause::ERRORS, clause::COLLECTOR, clause::EXIT],
        "its calls continue the traces of requests, and it exports no spans",
    ),
    Server::new("traces-none", |port| trace(Flaw::Untraced, port)).falls_short("its calls have no trace context"),
    Server::new("traces-copies", |port| trace(Flaw::Copies, port))
        .falls_short("sends each traceparent on as it came, malformed ones too")
        .liar(),
    Server::new("traces-forgets-queue", |port| trace(Flaw::ForgetsQueue, port))
        .falls_short("its queued work begins a trace of its own without a link")
        .liar(),
    Server::new("traces-samples-all", |port| trace(Flaw::SamplesAll, port)).falls_short("samples every request"),
    Server::new("traces-quiet-errors", |port| trace(Flaw::QuietErrors, port))
        .falls_short("the spans of its failed requests are no errors")
        .liar(),
    Server::new("traces-blocks", |port| trace(Flaw::Blocks, port))
        .falls_short("exports in the thread that answers, and waits for its collector")
        .liar(),
    Server::new("traces-believes", |port| trace(Flaw::Believes, port))
        .falls_short("ends when its collector answers what it cannot read")
        .liar(),
    Server::new("traces-waits-at-the-end", |port| trace(Flaw::WaitsAtTheEnd, port))
        .falls_short("does not end before its last spans are exported")
        .liar(),
    PLAIN.is_unknown("calls nothing that is declared, and exports nothing"),
    DEPENDENCY.is_called(),
];

/// Time for the call, and for an export beside the requests.
const TIMEOUT: Duration = Duration::from_millis(700);
/// Time for an export in the thread that answers.
const BLOCKING: Duration = Duration::from_millis(2500);
/// Spans that wait for their export.
const QUEUE: usize = 512;
/// Between two exports.
const BATCH_EVERY: Duration = Duration::from_millis(50);
/// The longest that spans are exported at the end.
const FLUSH: Duration = Duration::from_millis(500);

/// The context of a request or of queued work.
#[derive(Clone, Debug)]
struct Context {
    trace: String,
    span: String,
    parent: String,
    sampled: bool,
    link: Option<String>,
}

struct Service {
    flaw: Flaw,
    queue: SyncSender<Value>,
    /// Spans that are not exported yet.
    left: Arc<AtomicUsize>,
}

/// Serves with one flaw.
fn trace(flaw: Flaw, port: u16) -> ! {
    let (queue, spans) = sync_channel(QUEUE);
    let left = Arc::new(AtomicUsize::new(0));
    let exported = Arc::clone(&left);
    std::thread::spawn(move || export_all(flaw, &spans, &exported));
    let waiting = Arc::clone(&left);
    std::thread::spawn(move || end_on_sigterm(flaw, &waiting));
    let service = Arc::new(Service { flaw, queue, left });
    serve(port, move |request| answer(&service, request))
}

fn answer(service: &Arc<Service>, request: &Request) -> Response {
    let header = request.header("traceparent").unwrap_or_default();
    let state = request.header("tracestate").unwrap_or_default();
    let context = Context::of(header, service.flaw);
    let response = match request.path.as_str() {
        "/" => Response::new(200, "text/plain", "hello"),
        "/price" if service.flaw != Flaw::Leaf => match service.call(&context, header, state) {
            true => Response::new(200, "text/plain", "12.50"),
            false => Response::new(503, "text/plain", "no price now"),
        },
        "/order" => {
            let (service, context) = (Arc::clone(service), context.queued(service.flaw));
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                service.call(&context, &context.header(), "");
                service.finish(&context, "work", 5, false);
            });
            Response::new(202, "text/plain", "accepted")
        }
        _ => Response::new(404, "text/plain", "nothing here"),
    };
    service.finish(&context, &format!("GET {}", request.path), 2, response.status >= 500);
    response
}

impl Context {
    fn of(header: &str, flaw: Flaw) -> Self {
        let parts: Vec<&str> = header.split('-').collect();
        let is_hex = |text: &str, length| {
            text.len() == length
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                && text.bytes().any(|byte| byte != b'0')
        };
        let known = match parts.as_slice() {
            ["00", trace, parent, flags] if is_hex(trace, 32) && is_hex(parent, 16) && flags.len() == 2 => {
                u8::from_str_radix(flags, 16).ok().map(|flags| (*trace, *parent, flags & 1 == 1))
            }
            _ => None,
        };
        let (trace, parent, sampled) = match known {
            Some((trace, parent, sampled)) => (trace.to_owned(), parent.to_owned(), sampled),
            None => (format!("{}{}", id(), id()), String::new(), true),
        };
        Self { trace, span: id(), parent, sampled: sampled || flaw == Flaw::SamplesAll, link: None }
    }

    /// The context of the work that a request puts off.
    fn queued(&self, flaw: Flaw) -> Self {
        let own = Context { parent: self.span.clone(), span: id(), ..self.clone() };
        match flaw {
            Flaw::Links => {
                let link = Some(self.trace.clone());
                Context { trace: format!("{}{}", id(), id()), parent: String::new(), link, ..own }
            }
            Flaw::ForgetsQueue => Context { trace: format!("{}{}", id(), id()), parent: String::new(), ..own },
            _ => own,
        }
    }

    fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, id(), u8::from(self.sampled))
    }
}

impl Service {
    /// Calls the dependency; true when it answers 200.
    fn call(&self, context: &Context, came: &str, state: &str) -> bool {
        let header = match self.flaw {
            Flaw::Untraced => String::new(),
            Flaw::Copies => format!("traceparent: {came}\r\n"),
            _ => format!("traceparent: {}\r\ntracestate: {state}\r\n", context.header()),
        };
        let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
        let head = format!("GET / HTTP/1.1\r\nHost: dependency\r\n{header}Connection: close\r\n\r\n");
        exchange(&address, &head, b"", TIMEOUT).is_some_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
    }

    /// Ends a span.
    fn finish(&self, context: &Context, name: &str, kind: u8, failed: bool) {
        if !context.sampled || matches!(self.flaw, Flaw::Silent | Flaw::Untraced) {
            return;
        }
        let failed = failed && self.flaw != Flaw::QuietErrors;
        let links: Vec<Value> = context.link.iter().map(|trace| json!({ "traceId": trace, "spanId": id() })).collect();
        let span = json!({
            "traceId": context.trace, "spanId": context.span, "parentSpanId": context.parent, "name": name, "kind": kind,
            "links": links, "status": { "code": if failed { 2 } else { 0 } },
        });
        // Of one route only: a test waits for each.
        if self.flaw == Flaw::Blocks && name == "GET /" {
            export(&[span], BLOCKING);
        } else {
            // Before the other thread may take it.
            self.left.fetch_add(1, SeqCst);
            if self.queue.try_send(span).is_err() {
                self.left.fetch_sub(1, SeqCst);
            }
        }
    }
}

/// Exports what is queued, a batch after the other.
fn export_all(flaw: Flaw, spans: &Receiver<Value>, left: &AtomicUsize) {
    loop {
        std::thread::sleep(BATCH_EVERY);
        let batch: Vec<Value> = spans.try_iter().collect();
        if batch.is_empty() {
            continue;
        }
        let mut answer = export(&batch, TIMEOUT);
        while flaw == Flaw::WaitsAtTheEnd && answer.is_none() {
            std::thread::sleep(BATCH_EVERY);
            answer = export(&batch, TIMEOUT);
        }
        if flaw == Flaw::Believes && answer.is_some_and(|answer| !answer.ends_with(b"{}")) {
            std::process::exit(1);
        }
        left.fetch_sub(batch.len(), SeqCst);
    }
}

/// Sends one export; none when it is not answered.
fn export(spans: &[Value], timeout: Duration) -> Option<Vec<u8>> {
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string();
    let address = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok()?;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: collector\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    exchange(&address, &head, body.as_bytes(), timeout)
}

/// The first bytes of the answer and its last ones; none when it does not end in time.
fn exchange(address: &str, head: &str, body: &[u8], timeout: Duration) -> Option<Vec<u8>> {
    let since = Instant::now();
    let address = address.trim_start_matches("http://").trim_end_matches('/').parse().ok()?;
    let mut stream = TcpStream::connect_timeout(&address, timeout).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let (mut answer, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    while since.elapsed() < timeout {
        match stream.read(&mut piece) {
            Ok(0) => return Some(answer),
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(_) => return None,
        }
    }
    None
}

fn end_on_sigterm(flaw: Flaw, left: &AtomicUsize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        signal(SignalKind::terminate()).expect("signals can be heard").recv().await;
        let since = Instant::now();
        while left.load(SeqCst) > 0 && (since.elapsed() < FLUSH || flaw == Flaw::WaitsAtTheEnd) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        std::process::exit(0);
    });
}

/// An id of 16 digits.
fn id() -> String {
    // Each state hashes with keys of its own.
    format!("{:016x}", RandomState::new().build_hasher().finish() | 1)
}
