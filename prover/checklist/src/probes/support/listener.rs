//! The public listener as a bare connection reaches it, and what comes back on the wire.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Method;
use keel_input::credentials;
use keel_wire::endpoint::{self, Endpoint};
use keel_wire::http::Request;
use keel_wire::http2;
use keel_wire::raw::{Ended, Heard, RawConnection};
use keel_wire::tls::Protocol;

use crate::lab::Lab;

/// Maximum time for the kernel to accept a connection: loopback needs microseconds.
const CONNECT: Duration = Duration::from_secs(5);

/// Listener of the service.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// Address and port, or a Unix socket; with TLS where it is spoken there.
    pub(crate) endpoint: Endpoint,
    /// The same for HTTP/2.
    http2: Endpoint,
    /// The value of `Host`.
    pub(crate) host: String,
}

/// One answer as it stands in a stream of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireAnswer {
    /// The status.
    pub(crate) status: u16,
    /// True if its body is complete; always false for a body that ends with the connection.
    pub(crate) complete: bool,
}

impl Listener {
    /// Returns the listener of this lab's subject.
    ///
    /// # Errors
    /// A reason when its URL has no address.
    pub(crate) async fn of(lab: &Lab) -> Result<Self, String> {
        let url = &lab.subject.url;
        let host = endpoint::host(url);
        if let Some(path) = endpoint::unix_path(url) {
            let endpoint = Endpoint::from(path);
            return Ok(Self { http2: endpoint.clone(), endpoint, host });
        }
        let answering = keel_wire::address::answering(url).await;
        let address = answering.map_err(|error| format!("{} has no address: {error}", credentials::shown(url)))?;
        let endpoint = |protocol| {
            let endpoint = Endpoint::of(url, address, lab.subject.trust.as_ref(), protocol);
            endpoint.map_err(|error| format!("{} cannot be called: {error}", credentials::shown(url)))
        };
        Ok(Self { endpoint: endpoint(Protocol::Http1)?, http2: endpoint(Protocol::Http2)?, host })
    }

    /// Returns true if connections can come from any of 127.0.0.0/8.
    pub(crate) fn takes_many_sources(&self) -> bool {
        matches!(self.endpoint.tcp().map(|address| address.ip()), Some(IpAddr::V4(address)) if address.is_loopback())
    }

    /// Connects.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) async fn open(&self) -> io::Result<RawConnection> {
        RawConnection::connect(self.endpoint.clone(), None, CONNECT).await
    }

    /// Connects from a loopback address, when the listener is on loopback; from anywhere otherwise.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) async fn open_from(&self, source: Ipv4Addr, timeout: Duration) -> io::Result<RawConnection> {
        let from = self.takes_many_sources().then(|| SocketAddr::from((source, 0)));
        RawConnection::connect(self.endpoint.clone(), from, timeout).await
    }

    /// Connects for HTTP/2: over TLS it is asked for (ALPN), else with prior knowledge.
    ///
    /// # Errors
    /// The operating system's, and of a handshake in which HTTP/2 is refused.
    pub(crate) async fn open_http2(&self, source: Option<Ipv4Addr>, timeout: Duration) -> io::Result<RawConnection> {
        let from = source.filter(|_| self.takes_many_sources()).map(|source| SocketAddr::from((source, 0)));
        RawConnection::connect(self.http2.clone(), from, timeout).await
    }

    /// A GET of this path as a header block of HTTP/2.
    pub(crate) fn http2_get(&self, path: &str) -> Vec<u8> {
        http2::get_by_scheme(self.http2.is_tls(), path, &self.host)
    }

    /// Returns the way in which HTTP/2 is requested, as the end of a sentence.
    pub(crate) fn http2_way(&self) -> &'static str {
        if self.http2.is_tls() { "over TLS" } else { "without TLS" }
    }

    /// A request as bytes: its head, and its body with the right length.
    pub(crate) fn bytes(&self, request: &Request) -> Vec<u8> {
        let mut extra = String::new();
        if !request.body.is_empty() {
            extra = format!("Content-Length: {}\r\n", request.body.len());
        }
        let mut bytes = self.head(request, &extra);
        bytes.extend_from_slice(&request.body);
        bytes
    }

    /// The head of a request alone, with header lines added that are written as they are (each ends with CRLF).
    /// Framing headers of the request itself are left out.
    pub(crate) fn head(&self, request: &Request, lines: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, self.host);
        for (name, value) in &request.headers {
            let framing = ["host", "content-length", "transfer-encoding", "connection"];
            if !framing.contains(&name.to_ascii_lowercase().as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(lines);
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Sends bytes on a connection of their own and gives what came back until an answer was whole or `timeout`.
    /// That not everything could be written is no failure: a server may answer and close before.
    ///
    /// # Errors
    /// When no connection can be made.
    pub(crate) async fn exchange(&self, bytes: &[u8], timeout: Duration) -> io::Result<Heard> {
        let mut connection = self.open().await?;
        let _ = connection.write(bytes, timeout).await;
        Ok(connection.listen_answer(timeout).await)
    }
}

/// Every answer that begins in these bytes, interim ones (1xx) left out.
pub(crate) fn answers(bytes: &[u8]) -> Vec<WireAnswer> {
    let answers = keel_wire::answers::all(bytes, &Method::GET, 0).filter(|answer| answer.status >= 200);
    answers.map(|answer| WireAnswer { status: answer.status, complete: answer.whole }).collect()
}

/// Describes the answer, as a line that a person can check.
pub(crate) fn told(heard: &Heard) -> String {
    let text: String = String::from_utf8_lossy(&heard.bytes).chars().take(400).collect();
    let end = match heard.ended {
        Ended::Closed => "closed",
        Ended::Reset => "reset",
        Ended::StillOpen => "still open",
    };
    if heard.bytes.is_empty() {
        return format!("nothing; {end} after {:.2?}", heard.took);
    }
    format!("{text} [{} bytes, {end} after {:.2?}]", heard.bytes.len(), heard.took)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(bytes: &[u8]) -> Vec<(u16, bool)> {
        answers(bytes).into_iter().map(|answer| (answer.status, answer.complete)).collect()
    }

    #[test]
    fn two_answers_in_one_stream_are_both_seen() {
        let bytes = b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(statuses(bytes), [(400, true), (200, true)]);
    }

    #[test]
    fn an_answer_after_a_chunked_one_is_seen() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 404 No\r\n\r\nx";
        assert_eq!(statuses(bytes), [(200, true), (404, false)]);
    }

    #[test]
    fn an_interim_answer_is_not_counted() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(statuses(bytes), [(201, true)]);
    }

    #[test]
    fn a_body_cut_short_is_not_complete() {
        assert_eq!(statuses(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), [(200, false)]);
    }
}
