//! An OTLP collector on a loopback port: keeps the exports of a service over HTTP, as protobuf or JSON, or misbehaves as configured.
//!
//! The receiver is bounded: connections, the size of an export before and after gzip, and the numbers of spans, metrics and trace ids of
//! log records that are kept. Further ones are counted.

mod json;
mod protobuf;
mod signal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use self::signal::Signal;
pub use self::signal::{Kind, Metric, Span};
use crate::accepting::{accept, server};

/// The most connections at a time; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 256;
/// The largest export that is read, in bytes, packed and unpacked.
pub const MAX_EXPORT: usize = 8 << 20;
/// The most spans that are kept; the first ones.
pub const MAX_SPANS: usize = 100_000;
/// The most metrics that are kept, by name.
pub const MAX_METRICS: usize = 10_000;
/// The most trace ids of log records that are kept; the first ones.
pub const MAX_LOG_TRACES: usize = 100_000;
/// The most mistakes that are kept.
const MAX_MISTAKES: usize = 20;
/// The bytes of an answer that is no message of OTLP.
const NONSENSE_BYTES: usize = 1 << 20;

/// The behaviour towards exports from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes them.
    Take,
    /// Reads them and never answers.
    Hang,
    /// Answers 503.
    Unavailable,
    /// Answers 200 with a body that is no message of OTLP, and keeps nothing.
    Nonsense,
}

/// The exports so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The exports that were read, in every behaviour.
    pub exports: usize,
    /// The spans, in the order in which they came.
    pub spans: Vec<Span>,
    /// The metrics of the last export of each name.
    pub metrics: Vec<Metric>,
    /// The number of log records.
    pub logs: usize,
    /// The trace ids of the log records.
    pub log_traces: BTreeSet<String>,
    /// Spans, metrics and trace ids of log records that were not kept.
    pub surplus: usize,
    /// Exports that could not be read, with the reason.
    pub mistakes: Vec<String>,
}

/// The collector. Dropping it closes everything.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    received: Mutex<Received>,
}

impl Collector {
    /// Starts it on a free port; it takes exports.
    ///
    /// # Errors
    /// When no loopback port can be had.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { behaviour: Mutex::new(Behaviour::Take), received: Mutex::default() });
        let accepting = {
            let shared = Arc::clone(&shared);
            tokio::spawn(accept(listener, MAX_CONNECTIONS, move |stream| serve(Arc::clone(&shared), stream)))
        };
        Ok(Self { address, shared, accepting })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does with exports that come from now on.
    pub fn set(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// Returns the exports so far.
    pub fn received(&self) -> Received {
        lock(&self.shared.received).clone()
    }

    /// Returns the number of exports that were read so far.
    pub fn exports(&self) -> usize {
        lock(&self.shared.received).exports
    }

    /// Returns the spans of a trace that came so far.
    pub fn spans_of(&self, trace: &str) -> Vec<Span> {
        lock(&self.shared.received).spans.iter().filter(|span| span.trace == trace).cloned().collect()
    }

    /// Forgets the exports so far.
    pub fn clear(&self) {
        *lock(&self.shared.received) = Received::default();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Every write leaves what is inside whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let service = service_fn(|request| async { Ok::<_, std::convert::Infallible>(answer(&shared, request).await) });
    let _ = server().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(shared: &Shared, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_EXPORT).collect().await else {
        return respond(413, "text/plain", "too large");
    };
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let json = text(header::CONTENT_TYPE).starts_with("application/json");
    let packed = text(header::CONTENT_ENCODING).eq_ignore_ascii_case("gzip");
    let behaviour = *lock(&shared.behaviour);
    lock(&shared.received).exports += 1;
    match behaviour {
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Unavailable => return respond(503, "text/plain", "unavailable"),
        Behaviour::Nonsense => return respond(200, "application/x-protobuf", vec![0xff; NONSENSE_BYTES]),
        Behaviour::Take => {}
    }
    let body = body.to_bytes();
    let unpacked = if packed { unpack(&body) } else { Ok(body.to_vec()) };
    let read = unpacked.and_then(|body| match (head.uri.path(), json) {
        ("/v1/traces", true) => json::traces(&body),
        ("/v1/traces", false) => protobuf::traces(&body),
        ("/v1/metrics", true) => json::metrics(&body),
        ("/v1/metrics", false) => protobuf::metrics(&body),
        ("/v1/logs", true) => json::logs(&body),
        ("/v1/logs", false) => protobuf::logs(&body),
        (path, _) => Err(format!("{path} is no path of OTLP/HTTP")),
    });
    match read {
        Ok(signal) => {
            lock(&shared.received).keep(signal);
            // An empty message of protobuf has no bytes.
            if json { respond(200, "application/json", "{}") } else { respond(200, "application/x-protobuf", "") }
        }
        Err(mistake) => {
            let mut received = lock(&shared.received);
            if received.mistakes.len() < MAX_MISTAKES {
                received.mistakes.push(format!("{}: {mistake}", head.uri.path()));
            }
            respond(400, "text/plain", "not OTLP")
        }
    }
}

impl Received {
    fn keep(&mut self, signal: Signal) {
        match signal {
            Signal::Traces(spans) => {
                let room = MAX_SPANS.saturating_sub(self.spans.len());
                self.surplus += spans.len().saturating_sub(room);
                self.spans.extend(spans.into_iter().take(room));
            }
            Signal::Metrics(metrics) => {
                for metric in metrics {
                    match self.metrics.iter().position(|known| known.name == metric.name) {
                        Some(known) => self.metrics[known] = metric,
                        None if self.metrics.len() < MAX_METRICS => self.metrics.push(metric),
                        None => self.surplus += 1,
                    }
                }
            }
            Signal::Logs(traces) => {
                self.logs += traces.len();
                for trace in traces.into_iter().filter(|trace| !trace.is_empty()) {
                    if self.log_traces.len() < MAX_LOG_TRACES {
                        self.log_traces.insert(trace);
                    } else if !self.log_traces.contains(&trace) {
                        self.surplus += 1;
                    }
                }
            }
        }
    }
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let limit = MAX_EXPORT as u64 + 1;
    flate2::read::GzDecoder::new(body).take(limit).read_to_end(&mut unpacked).map_err(|error| error.to_string())?;
    if unpacked.len() > MAX_EXPORT {
        return Err(format!("it unpacks to more than {MAX_EXPORT} bytes"));
    }
    Ok(unpacked)
}

fn respond(code: u16, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = ::http::StatusCode::from_u16(code).unwrap_or(::http::StatusCode::BAD_REQUEST);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
