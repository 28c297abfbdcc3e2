//! A receiver of Sentry's protocol on a loopback port: keeps the events that a service sends to its `SENTRY_DSN`.
//!
//! The receiver is bounded: connections, the size of an envelope before and after gzip, and the number of events that are kept. Further ones are counted.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::accepting::{accept, server};

/// The most connections at a time; further ones wait in the listener's queue.
const MAX_CONNECTIONS: usize = 64;
/// The largest envelope that is read, in bytes, packed and unpacked.
pub const MAX_ENVELOPE: usize = 4 << 20;
/// The most events that are kept; the first ones.
pub const MAX_EVENTS: usize = 1_000;

/// The receiver. Dropping it closes everything.
#[derive(Debug)]
pub struct SentryReceiver {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Received {
    events: Vec<Json>,
    count: usize,
}

impl SentryReceiver {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When no loopback port can be had.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let received: Arc<Mutex<Received>> = Arc::default();
        let accepting = {
            let received = Arc::clone(&received);
            tokio::spawn(accept(listener, MAX_CONNECTIONS, move |stream| serve(Arc::clone(&received), stream)))
        };
        Ok(Self { address, received, accepting })
    }

    /// Its DSN.
    pub fn dsn(&self) -> String {
        format!("http://0123456789abcdef0123456789abcdef@{}/1", self.address)
    }

    /// Returns the events so far, the first ones.
    pub fn events(&self) -> Vec<Json> {
        lock(&self.received).events.clone()
    }

    /// Returns the number of events so far.
    pub fn count(&self) -> usize {
        lock(&self.received).count
    }
}

impl Drop for SentryReceiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Every write leaves what is inside whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(received: Arc<Mutex<Received>>, stream: TcpStream) {
    let service = service_fn(|request| async { Ok::<_, std::convert::Infallible>(answer(&received, request).await) });
    let _ = server().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(received: &Mutex<Received>, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_ENVELOPE).collect().await else { return respond(413) };
    let coding = head.headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body = body.to_bytes();
    let unpacked = if coding.eq_ignore_ascii_case("gzip") { unpack(&body) } else { Some(body.to_vec()) };
    let Some(unpacked) = unpacked else { return respond(400) };
    let is_single = head.uri.path().ends_with("/store/");
    let events =
        if is_single { serde_json::from_slice(&unpacked).ok().into_iter().collect() } else { events(&unpacked) };
    let mut received = lock(received);
    received.count += events.len();
    let room = MAX_EVENTS.saturating_sub(received.events.len());
    received.events.extend(events.into_iter().take(room));
    respond(200)
}

/// The events of an envelope: a line about it, then for each item a line about it and its bytes.
fn events(envelope: &[u8]) -> Vec<Json> {
    let mut events = Vec::new();
    let mut rest = after_line(envelope).1;
    while !rest.is_empty() {
        let (line, after) = after_line(rest);
        let Ok(item) = serde_json::from_slice::<Json>(line) else { break };
        let length = item["length"].as_u64().and_then(|length| usize::try_from(length).ok());
        let (payload, after) = match length {
            Some(length) => {
                let (payload, after) = after.split_at(length.min(after.len()));
                (payload, after.strip_prefix(b"\n").unwrap_or(after))
            }
            None => after_line(after),
        };
        if item["type"] == "event" {
            events.extend(serde_json::from_slice::<Json>(payload));
        }
        rest = after;
    }
    events
}

/// The first line, and what comes after it.
fn after_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn unpack(body: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(body).take(MAX_ENVELOPE as u64 + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() <= MAX_ENVELOPE).then_some(unpacked)
}

fn respond(code: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    *response.status_mut() = ::http::StatusCode::from_u16(code).unwrap_or(::http::StatusCode::BAD_REQUEST);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keel_wire::http::{Client, Request};

    use super::*;

    #[test]
    fn events_are_found_among_other_items_with_and_without_a_length() {
        let envelope = b"{\"dsn\":\"x\"}\n{\"type\":\"session\"}\n{\"a\":1}\n{\"type\":\"event\",\"length\":8}\n{\"b\":\n2}\n{\"type\":\"event\"}\n{\"c\":3}";
        let found = events(envelope);
        assert_eq!((found.len(), found[0]["b"].as_u64(), found[1]["c"].as_u64()), (2, Some(2), Some(3)));
        assert!(events(b"").is_empty() && events(b"{}\nnonsense\n").is_empty());
    }

    #[tokio::test]
    async fn events_are_kept_packed_or_not_and_what_is_too_large_is_refused() {
        let receiver = SentryReceiver::start().await.unwrap();
        let base = format!("http://{}", receiver.address).parse().unwrap();
        let client = Client::new(base, Duration::from_secs(10));
        let envelope = b"{}\n{\"type\":\"event\"}\n{\"message\":\"m\"}\n".to_vec();
        let mut packer = flate2::read::GzEncoder::new(envelope.as_slice(), flate2::Compression::default());
        let mut packed = Vec::new();
        packer.read_to_end(&mut packed).unwrap();
        let post = |path: &str, body: Vec<u8>| Request::new(::http::Method::POST, path).body(body);
        client.send(post("/api/1/envelope/", envelope)).await;
        client.send(post("/api/1/envelope/", packed).header("content-encoding", "gzip")).await;
        client.send(post("/api/1/store/", b"{\"message\":\"m\"}".to_vec())).await;
        assert_eq!((receiver.count(), receiver.events()[2]["message"].as_str()), (3, Some("m")));
        let bomb = client.send(post("/api/1/envelope/", vec![b'x'; MAX_ENVELOPE + 1])).await;
        assert_ne!(bomb.status().map(|status| status.as_u16()), Some(200));
        assert!(receiver.dsn().ends_with("/1"));
    }
}
