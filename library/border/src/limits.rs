//! Every bound of the border, with its default and its reason.

use std::time::Duration;

use axum::http::{StatusCode, request::Parts};

use crate::Problem;

/// What a client may ask of us. Every value can be changed; none can be turned off by leaving it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. Default 8,192, and never more than 80 % of the process's descriptors.
    pub connections: usize,
    /// Connections open at once from one address. Default 1,024: a balancer in front is one address.
    pub connections_per_address: usize,
    /// Requests worked on at once; the next is answered 503 at once. Default 1,024.
    pub in_flight: usize,
    /// Requests worked on at once for one address; the next is answered 503 at once. Default 768, three quarters of all: who
    /// holds theirs open, with bodies that never end for one, must not hold everybody's.
    pub in_flight_per_address: usize,
    /// Bytes of the request target (414). Default 8 KiB.
    pub uri_bytes: usize,
    /// Headers (431). Default 100.
    pub headers: usize,
    /// Bytes of all headers (431). Default 32 KiB.
    pub header_bytes: usize,
    /// Bytes of a body (413). Default 1 MiB.
    pub body_bytes: u64,
    /// Levels of nesting in a JSON body (400). Default 32.
    pub json_depth: usize,
    /// For a whole request head, from its first byte (the connection is cut). Default 10 s.
    pub head_timeout: Duration,
    /// For a body's next bytes, and in all at less than 1 KiB/s on top of it (408). Default 10 s.
    pub body_timeout: Duration,
    /// Between two requests of a connection. Default 65 s: longer than the 60 s of common balancers, so that it is
    /// they who close and no request is lost in between.
    pub idle_timeout: Duration,
    /// For a client to take any byte of an answer (the connection is cut). Default 30 s.
    pub write_timeout: Duration,
    /// For a whole request (504, the work is cancelled). Default 30 s.
    pub deadline: Duration,
    /// Whether a caller can shorten the deadline of its own request (`grpc-timeout`). A request that is not answered by then is answered 408: it is no
    /// failure of the service. Default yes.
    pub hears_deadline: bool,
    /// Concurrent streams of an HTTP/2 connection. Default 128.
    pub streams: u32,
    /// Access-log lines a second; the rest is counted. Errors have as many of their own. Default 200.
    pub access_lines: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 1024,
            in_flight: 1024,
            in_flight_per_address: 768,
            uri_bytes: 8 * 1024,
            headers: 100,
            header_bytes: 32 * 1024,
            body_bytes: 1024 * 1024,
            json_depth: 32,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(65),
            write_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(30),
            hears_deadline: true,
            streams: 128,
            access_lines: 200,
        }
    }
}

impl Limits {
    /// Refuses a head that is over a bound, before anything is done for it.
    pub(crate) fn check(&self, head: &Parts, declared_body: Option<u64>) -> Result<(), Problem> {
        let uri = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if uri > self.uri_bytes {
            let detail = format!("the request target has {uri} bytes; at most {} are taken", self.uri_bytes);
            return Err(Problem::new(StatusCode::URI_TOO_LONG, detail));
        }
        if head.headers.len() > self.headers {
            let detail = format!("the request has {} headers; at most {} are taken", head.headers.len(), self.headers);
            return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
        }
        let bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if bytes > self.header_bytes {
            let detail = format!("the headers have {bytes} bytes; at most {} are taken", self.header_bytes);
            return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
        }
        match declared_body {
            Some(length) if length > self.body_bytes => Err(self.body_too_large()),
            _ => Ok(()),
        }
    }

    pub(crate) fn body_too_large(&self) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {} bytes", self.body_bytes))
    }
}
