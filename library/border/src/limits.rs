//! Limits of the border: every bound, with its default and its reason.

use std::time::Duration;

use axum::http::{StatusCode, request::Parts};
use resilience::Criticality;
use resilience::admission::OBJECTIVE;

use crate::Problem;
use crate::forwarded::ForwardedHeader;
use crate::network::Network;

/// Limits for clients. Every value can be changed; leaving one out keeps its default.
///
/// ```
/// use evenkeel_border::Limits;
///
/// let limits = Limits::default().with(|limits| limits.body_bytes = 10 * 1024 * 1024);
/// assert_eq!(limits.headers, 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections open at once, upgraded ones included. Default 8,192. [`Limits::share_descriptors`] lowers it to what the process
    /// can open.
    pub connections: usize,
    /// Connections open at once from one client (an IPv4 address, or the first 64 bits of an IPv6 address). Default 1,024: a
    /// balancer in front is one address.
    pub connections_per_address: usize,
    /// Networks without bounds by address (`connections_per_address`, `in_flight_per_address`), such as that of a load generator or of a balancer that
    /// names no clients. Of IPv6 the first 64 bits count. The bounds in all hold for them. Default none.
    pub unbounded_addresses: Vec<Network>,
    /// Trusted proxies and load balancers, which name the client of each request (`forwarded_header`): bounds by address then hold for those
    /// clients, and a proxy may have as many connections as it opens. Default none.
    pub trusted_proxies: Vec<Network>,
    /// Expects a PROXY protocol header (version 1 or 2) at the start of each connection from a trusted proxy, which names the client's address.
    /// A connection of a trusted proxy without one is closed. The bounds by address then hold for that client. Default no.
    pub proxy_protocol: bool,
    /// Header in which trusted proxies name the client. Default `X-Forwarded-For`.
    pub forwarded_header: ForwardedHeader,
    /// Requests open at once, from the head to the last byte of the answer that the client takes; the next is answered 503 at once.
    /// Default 1,024. A streaming answer counts until it ends; an upgraded connection counts as a connection instead.
    pub in_flight: usize,
    /// Requests open at once for one client (an IPv4 address, or the first 64 bits of an IPv6 address); the next is answered 503 at once.
    /// Default 768, three quarters of all: a client that holds its requests open, with bodies that never end for one, leaves
    /// the rest to the others.
    pub in_flight_per_address: usize,
    /// Bytes of the request target (414). Default 8 KiB.
    pub uri_bytes: usize,
    /// Headers (431). Default 100, which is also where the HTTP/1.1 parser ends by itself: more are answered 431 without a document.
    /// A larger number costs each request some memory.
    pub headers: usize,
    /// Bytes of all headers (431). Default 32 KiB.
    pub header_bytes: usize,
    /// Bytes of a body (413). Default 1 MiB.
    pub body_bytes: u64,
    /// Levels of nesting in a JSON body (400). Default 32.
    pub json_depth: usize,
    /// Timeout for the first byte of a connection, and for a whole request head from its first bytes (the connection is cut). Default 10 s.
    pub head_timeout: Duration,
    /// Timeout for a body's next bytes (408), while the handler waits for them. Default 10 s.
    pub body_timeout: Duration,
    /// Between two requests of a connection; with HTTP/2, without an open stream. Default 65 s: longer than the 60 s of common
    /// balancers, so that they close first and no request is lost in between.
    pub idle_timeout: Duration,
    /// Idle timeout under pressure: while more than 80 % of `connections` are open, connections that have been idle for so long are closed to make
    /// place for new ones, the longest idle first. Default 5 s.
    pub idle_timeout_under_pressure: Duration,
    /// Age at which a connection ends after its open requests, 10 % more or less, so that clients spread over new instances and do not all come back at once.
    /// Default 1 h.
    pub max_age: Duration,
    /// Requests after which a connection ends. Default 10,000.
    pub max_requests: u32,
    /// Timeout for a client to read the next bytes of an answer: any byte of its connection (which is cut), and 16 KiB of each HTTP/2 stream
    /// (which is reset). An idle connection whose client takes nothing of the answers that the kernel still holds is cut too (Linux). Default 30 s.
    pub write_timeout: Duration,
    /// Bytes a second, on average, that a client must send of a body (408) and take of an answer (the connection is cut), after `rate_grace`. Only the
    /// time for which the service waits for the client counts. Default 240, as in Kestrel; 0: no minimum. HTTP/2 answers have
    /// `write_timeout` alone.
    pub min_rate: u32,
    /// Time before `min_rate` holds. Default 5 s.
    pub rate_grace: Duration,
    /// Between two bytes, either way, of an upgraded connection such as a WebSocket (which is cut). Default 5 min: several times
    /// the usual interval of pings.
    pub upgrade_idle_timeout: Duration,
    /// Deadline for a whole request (504, the work is cancelled). Default 30 s.
    pub deadline: Duration,
    /// Lets a caller shorten the deadline of its own request (`grpc-timeout`). A request that is not answered by then is answered 408, which
    /// does not count as a failure of the service. Default yes.
    pub hears_deadline: bool,
    /// Latency objective: time from the arrival of a request until its answer. When there is more work than can be done within it, requests
    /// wait briefly in a queue, and those that would come too late are refused (503 with Retry-After). Default 500 ms; from 1 ms to an hour.
    /// None: requests are never refused for their latency. Other limits stay. A route that takes longer than its objective without any load is not
    /// held to it. See [`resilience::admission`].
    pub objective: Option<Duration>,
    /// Criticality of the requests: when not all can be served, the least critical are refused first. Default [`Criticality::Default`]. A
    /// caller can lower that of its own request with the header `criticality`.
    pub criticality: Criticality,
    /// Concurrent streams of an HTTP/2 connection. Default 128.
    pub streams: u32,
    /// Bytes that an HTTP/2 connection may hold: the answers that its client has not taken yet, and 10 KiB for each of its `streams` (at most half).
    /// A handler is started when its answer has room, expected to be as large as the last ones for its path. An answer with which the connection would
    /// hold four times as many bytes is replaced by 503. Answers that stream do not count. Default 16 MiB.
    pub unsent_bytes: u64,
    /// Bytes of the answers that all connections have not taken yet; while they are more, handlers are not started, and clients that take nothing have
    /// `rate_grace` and not `write_timeout`. Answers of less than 64 KiB in HTTP/1.1 do not count. Default 256 MiB.
    pub unsent_bytes_in_all: u64,
    /// Refuses ambiguous paths (400): dot segments, empty segments, semicolons, backslashes, encoded slashes and control characters, malformed percent
    /// encodings, bytes that are not UTF-8. A proxy in front may read them in another way. Default yes.
    pub strict_paths: bool,
    /// Takes requests that change state from pages of other origins, with the cookies of their visitors (CSRF). Without it they are refused (403) by
    /// `Sec-Fetch-Site`, else by `Origin`; over TLS also when they have a cookie and neither header. Default no.
    pub cross_site: bool,
    /// Other origins whose pages may send requests that change state, as in `https://admin.example`. Default none.
    pub trusted_origins: Vec<String>,
    /// Access-log lines a second; the rest is counted. Errors have as many of their own. Default 200.
    pub access_lines: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 1024,
            unbounded_addresses: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            forwarded_header: ForwardedHeader::default(),
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
            idle_timeout_under_pressure: Duration::from_secs(5),
            max_age: Duration::from_secs(3600),
            max_requests: 10_000,
            write_timeout: Duration::from_secs(30),
            min_rate: 240,
            rate_grace: Duration::from_secs(5),
            upgrade_idle_timeout: Duration::from_secs(300),
            deadline: Duration::from_secs(30),
            hears_deadline: true,
            objective: Some(OBJECTIVE),
            criticality: Criticality::Default,
            streams: 128,
            unsent_bytes: 16 * 1024 * 1024,
            unsent_bytes_in_all: 256 * 1024 * 1024,
            strict_paths: true,
            cross_site: false,
            trusted_origins: Vec::new(),
            access_lines: 200,
        }
    }
}

impl Limits {
    /// Returns these limits with a change.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Lowers `connections` of all listeners of a process, in proportion, so that together they take at most 80 % of the `descriptors`
    /// that it may open. Each keeps at least one. Of a listener with fewer connections, one address has at most three quarters.
    ///
    /// ```
    /// use evenkeel_border::Limits;
    ///
    /// let mut public = Limits::default();
    /// let mut admin = Limits::default().with(|limits| limits.connections = 256);
    /// Limits::share_descriptors(1024, [&mut public, &mut admin]);
    /// assert_eq!((public.connections, admin.connections), (794, 24));
    /// assert_eq!(public.connections_per_address, 595);
    /// ```
    pub fn share_descriptors<const N: usize>(descriptors: u64, listeners: [&mut Self; N]) {
        let share = u128::from(descriptors) * 4 / 5;
        let in_all: u128 = listeners.iter().map(|limits| limits.connections as u128).sum();
        if in_all <= share {
            return;
        }
        for limits in listeners {
            let lowered = limits.connections as u128 * share / in_all;
            limits.connections = usize::try_from(lowered).unwrap_or(usize::MAX).max(1);
            limits.leave_connections_to_others();
        }
    }

    /// Lowers `connections_per_address` to three quarters of `connections`: a quarter is for other addresses; of a few, all but one.
    pub fn leave_connections_to_others(&mut self) {
        let others = self.connections.div_ceil(4).min(self.connections.saturating_sub(1));
        self.connections_per_address = self.connections_per_address.min(self.connections - others);
    }

    /// Returns the names of the limits of a route that are looser than those of `other`.
    pub(crate) fn looser_than(&self, other: &Self) -> Vec<&'static str> {
        let objective = |limits: &Self| limits.objective.unwrap_or(Duration::MAX);
        let looser = [
            ("uri_bytes", self.uri_bytes > other.uri_bytes),
            ("headers", self.headers > other.headers),
            ("header_bytes", self.header_bytes > other.header_bytes),
            ("body_bytes", self.body_bytes > other.body_bytes),
            ("json_depth", self.json_depth > other.json_depth),
            ("body_timeout", self.body_timeout > other.body_timeout),
            ("min_rate", self.min_rate < other.min_rate),
            ("rate_grace", self.rate_grace > other.rate_grace),
            ("deadline", self.deadline > other.deadline),
            ("objective", objective(self) > objective(other)),
            ("cross_site", self.cross_site && !other.cross_site),
            ("strict_paths", !self.strict_paths && other.strict_paths),
        ];
        looser.into_iter().filter(|(_, is_looser)| *is_looser).map(|(name, _)| name).collect()
    }

    /// Refuses a head that is over a bound, before anything is done for it.
    pub(crate) fn check(&self, head: &Parts, header_bytes: usize, declared_body: Option<u64>) -> Result<(), Problem> {
        let uri = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if uri > self.uri_bytes {
            let detail = format!("the request target has {uri} bytes; at most {} are taken", self.uri_bytes);
            return Err(Problem::new(StatusCode::URI_TOO_LONG, detail));
        }
        if head.headers.len() > self.headers {
            let detail = format!("the request has {} headers; at most {} are taken", head.headers.len(), self.headers);
            return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
        }
        if header_bytes > self.header_bytes {
            let detail = format!("the headers have {header_bytes} bytes; at most {} are taken", self.header_bytes);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_listeners_of_a_process_share_its_descriptors(
            descriptors in 16..2_000_000_u64, public in 1..1_000_000_usize, admin in 1..1_000_000_usize,
        ) {
            let mut limits = [public, admin].map(|connections| Limits { connections, ..Limits::default() });
            let [one, other] = &mut limits;
            Limits::share_descriptors(descriptors, [one, other]);
            let per_address = limits.clone().map(|limits| limits.connections_per_address);
            let [one, other] = limits.map(|limits| limits.connections);
            prop_assert!(one >= 1 && other >= 1 && one <= public && other <= admin);
            // One each is kept in any case.
            prop_assert!((one + other) as u64 <= (descriptors * 4 / 5).max(2) + 1);
            let [for_one, _] = per_address;
            prop_assert!(for_one >= 1 && (one == public || for_one < one || one == 1), "{for_one} of {one}");
            prop_assert!(one + other == public + admin || (one + other) as u64 + 2 >= descriptors * 4 / 5);
        }
    }
}
