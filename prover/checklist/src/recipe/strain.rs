//! Recipes that strain the service: overload, spent descriptors, a reader that never reads, a gzip bomb.

use std::time::Duration;

use keel_wire::endpoint;
use keel_wire::http::Request;
use url::Url;

/// Measures the throughput of a request with sixteen clients, and then sends twice as many a second.
#[derive(Clone, Debug)]
pub struct Overload {
    /// The request as bytes; its connection closes after the answer.
    pub request: Vec<u8>,
    /// The time limit of an answer.
    pub objective: Duration,
    /// The observation that shows the fault.
    pub fault: Overloaded,
}

/// Observation under an overload that shows a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overloaded {
    /// Less than this share of the throughput is answered in time.
    Goodput(f64),
    /// Less than this share of what is not answered in time is refused with 503 or 429.
    Unrefused(f64),
    /// A refusal has no Retry-After.
    NoRetryAfter,
}

/// Starts the service with a low limit of descriptors and holds half-sent requests: the fault is that it uses CPU time at rest.
#[derive(Clone, Debug)]
pub struct Spent {
    /// The limit.
    pub limit: u64,
    /// The number of connections.
    pub connections: u64,
    /// The beginning of a request.
    pub begin: Vec<u8>,
}

/// Sends requests on one connection and reads no answer: the fault is that the service still holds it.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The request.
    pub request: Vec<u8>,
    /// The number of requests.
    pub times: usize,
    /// The time after which it must have been cut.
    pub held: Duration,
}

/// Sends bodies of zeros that were compressed with gzip: the fault is that one is not refused with a 4xx, or that memory grows.
#[derive(Clone, Debug)]
pub struct Bomb {
    /// The request without its body.
    pub request: Request,
    /// The size of an unpacked body, in bytes.
    pub size: usize,
    /// The number of bodies that are sent at once.
    pub times: usize,
    /// The most bytes by which resident memory may grow.
    pub most: u64,
}

/// Returns a request as bytes that asks to close the connection after its answer.
pub fn closing(url: &Url, request: &Request) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
        request.method,
        request.path,
        endpoint::host(url)
    );
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !request.body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
    }
    [head.as_bytes(), b"\r\n", &request.body].concat()
}
