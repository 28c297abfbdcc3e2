//! A client hello that offers one version at most (RFC 5246, 7.4.1.2), and the reply to it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};

/// The versions on the wire.
pub(super) const TLS10: [u8; 2] = [3, 1];
pub(super) const TLS11: [u8; 2] = [3, 2];
pub(super) const TLS12: [u8; 2] = [3, 3];

/// Suites of TLS 1.2 with AEAD, and those of older versions.
const SUITES: [[u8; 2]; 15] = [
    [0xc0, 0x2f],
    [0xc0, 0x30],
    [0xc0, 0x2b],
    [0xc0, 0x2c],
    [0xcc, 0xa8],
    [0xcc, 0xa9],
    [0xc0, 0x13],
    [0xc0, 0x14],
    [0xc0, 0x09],
    [0xc0, 0x0a],
    [0x00, 0x9c],
    [0x00, 0x9d],
    [0x00, 0x2f],
    [0x00, 0x35],
    [0x00, 0x0a],
];
/// Groups, and schemes of signatures.
const GROUPS: [[u8; 2]; 3] = [[0, 29], [0, 23], [0, 24]];
const SCHEMES: [[u8; 2]; 11] = [[4, 3], [5, 3], [6, 3], [8, 4], [8, 5], [8, 6], [4, 1], [5, 1], [6, 1], [2, 1], [2, 3]];

/// The types of a record with a handshake or an alert, and of a server hello in it.
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const SERVER_HELLO: u8 = 2;

/// Outcome of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A server hello of the offered version.
    Taken,
    /// An alert, or the end of the connection.
    Refused,
    /// Neither in time, or bytes that are no TLS.
    Unclear,
}

/// Offers this version at most.
pub(super) async fn offer(url: &Url, version: [u8; 2], timeout: Duration) -> Reply {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Reply::Unclear };
    let name = match url.host() {
        Some(Host::Domain(name)) => Some(name),
        _ => None,
    };
    let host = host.trim_matches(['[', ']']);
    let exchange = async {
        let mut socket = TcpStream::connect((host, port)).await.ok()?;
        socket.write_all(&hello(version, name)).await.ok()?;
        let mut bytes = [0; 11];
        let mut length = 0;
        while length < bytes.len() {
            match socket.read(&mut bytes[length..]).await {
                Ok(0) | Err(_) => break,
                Ok(read) => length += read,
            }
        }
        Some(reply(&bytes[..length], version))
    };
    tokio::time::timeout(timeout, exchange).await.ok().flatten().unwrap_or(Reply::Unclear)
}

/// Reads the first bytes of a server, up to the end of the connection.
pub(super) fn reply(bytes: &[u8], version: [u8; 2]) -> Reply {
    match bytes {
        [] | [ALERT, ..] => Reply::Refused,
        [HANDSHAKE, _, _, _, _, SERVER_HELLO, _, _, _, major, minor] if [*major, *minor] == version => Reply::Taken,
        _ => Reply::Unclear,
    }
}

/// The record of a client hello.
fn hello(version: [u8; 2], name: Option<&str>) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([0x4b; 32]);
    // No session, the suites, no compression.
    body.push(0);
    body.extend(prefixed(&SUITES.concat()));
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let entry = [&[0][..], &prefixed(name.as_bytes())].concat();
        extensions.extend(extension(0, &prefixed(&entry)));
    }
    extensions.extend(extension(10, &prefixed(&GROUPS.concat())));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(13, &prefixed(&SCHEMES.concat())));
    body.extend(prefixed(&extensions));
    let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[HANDSHAKE, 3, 1][..], &prefixed(&message)].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &prefixed(data)].concat()
}

/// These bytes behind their length in two bytes. All of them are short.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_a_hello_are_those_of_its_parts() {
        let bytes = hello(TLS10, Some("shop.example"));
        let length = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        assert_eq!((bytes[0], length(3)), (22, bytes.len() - 5));
        assert_eq!((bytes[5], length(7)), (1, bytes.len() - 9));
        assert_eq!(bytes[9..11], TLS10);
        assert!(bytes.windows(12).any(|window| window == b"shop.example"));
        assert_eq!(hello(TLS10, None).len() + 21, bytes.len());
    }

    #[test]
    fn a_hello_is_taken_only_by_a_server_hello_of_its_version() {
        let server = [22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1];
        assert_eq!(reply(&server, TLS10), Reply::Taken);
        assert_eq!(reply(&server, TLS11), Reply::Unclear);
        assert_eq!(reply(&[21, 3, 1, 0, 2, 2, 70], TLS10), Reply::Refused);
        assert_eq!(reply(&[], TLS10), Reply::Refused);
        assert_eq!(reply(b"HTTP/1.1 40", TLS10), Reply::Unclear);
        assert_eq!(reply(&server[..7], TLS10), Reply::Unclear);
    }
}
