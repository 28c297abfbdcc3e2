//! One request to the admin listener of a running service, and its answer: HTTP/1.0 over a plain connection, bounded in time and size.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Time for the connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Time for each piece of the answer: longer than any question takes.
const ANSWER: Duration = Duration::from_secs(10);
/// The largest answer.
const MAX_BYTES: u64 = 32 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The lines of the head, without the status.
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(known, value)| (known.trim(), value.trim()))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Posts a text to a path.
///
/// # Errors
/// When there is no connection, or no whole answer.
pub(super) fn post(address: SocketAddr, path: &str, text: &str) -> io::Result<Answer> {
    let address = reachable(address);
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let length = text.len();
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(text.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    parsed(bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it did not answer in whole HTTP"))
}

/// An address that a listener on any address can be reached at.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

/// None for what is no whole answer.
fn parsed(mut bytes: Vec<u8>) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).ok()?;
    let (first, head) = head.split_once("\r\n")?;
    let status = first.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let answer = Answer { status, head: head.to_owned(), body };
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    length.is_none_or(|length: usize| length == answer.body.len()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        let answer = parsed(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nQuery-Cut: time\r\n\r\nok".to_vec()).unwrap();
        assert_eq!(
            (answer.status, answer.header("query-cut"), answer.body.as_slice()),
            (200, Some("time"), &b"ok"[..])
        );
        for broken in ["", "HTTP/1.0 200 OK\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok", "SSH-2.0\r\n\r\n"] {
            assert!(parsed(broken.into()).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn a_listener_on_any_address_is_asked_at_loopback() {
        let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:81"), "127.0.0.1:81");
        assert_eq!(reached("[::]:81"), "[::1]:81");
        assert_eq!(reached("10.0.0.7:81"), "10.0.0.7:81");
    }
}
