//! The PROXY protocol, versions 1 and 2: the header in which a proxy that does not speak HTTP names the client of a connection
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The first bytes of version 2, and as many as any header of version 1 has.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1.
const LONGEST_LINE: usize = 107;
/// Longest rest of a version 2 header that is read; everything after the addresses is ignored.
const LONGEST_REST: usize = 4096;

/// Reads a header and not a byte more. Returns the source of the connection; none where the proxy speaks for itself (its health checks) or for a source
/// without an address.
///
/// # Errors
/// The socket's, and `InvalidData` where the bytes are no header.
pub(crate) async fn read_header<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut first = [0; SIGNATURE.len()];
    socket.read_exact(&mut first).await?;
    if first == *SIGNATURE { read_version_2(socket).await } else { read_version_1(socket, &first).await }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no header of the PROXY protocol")
}

async fn read_version_1<S: AsyncRead + Unpin>(socket: &mut S, first: &[u8]) -> io::Result<Option<SocketAddr>> {
    let mut line = first.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE || !line.starts_with(b"PROXY ") {
            return Err(invalid());
        }
        line.push(socket.read_u8().await?);
    }
    source_of_line(str::from_utf8(&line).map_err(|_| invalid())?).ok_or_else(invalid)
}

fn source_of_line(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.strip_suffix("\r\n")?.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, _to) = (words.next()?.parse::<IpAddr>().ok()?, words.next()?.parse::<IpAddr>().ok()?);
    let (port, _to_port) = (words.next()?.parse().ok()?, words.next()?.parse::<u16>().ok()?);
    let is_family = matches!((family, source), ("TCP4", IpAddr::V4(_)) | ("TCP6", IpAddr::V6(_)));
    (is_family && words.next().is_none()).then_some(Some(SocketAddr::new(source, port)))
}

async fn read_version_2<S: AsyncRead + Unpin>(socket: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    let [command, family, length @ ..] = head;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST_REST {
        return Err(invalid());
    }
    let mut rest = vec![0; length];
    socket.read_exact(&mut rest).await?;
    match command {
        0x20 => Ok(None),
        0x21 => source_of_addresses(family, &rest).ok_or_else(invalid),
        _ => Err(invalid()),
    }
}

fn source_of_addresses(family: u8, rest: &[u8]) -> Option<Option<SocketAddr>> {
    let port = |at: usize| Some(u16::from_be_bytes(*rest.get(at..)?.first_chunk()?));
    let source = match family >> 4 {
        1 => SocketAddr::new(Ipv4Addr::from(*rest.first_chunk::<4>()?).into(), port(8)?),
        2 => SocketAddr::new(Ipv6Addr::from(*rest.first_chunk::<16>()?).into(), port(32)?),
        // No family, or a Unix socket.
        0 | 3 => return Some(None),
        _ => return None,
    };
    Some(Some(source))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The source, and the bytes that are left.
    async fn read(mut bytes: &[u8]) -> (Result<Option<String>, io::ErrorKind>, Vec<u8>) {
        let source = read_header(&mut bytes).await.map_err(|error| error.kind());
        (source.map(|source| source.map(|source| source.to_string())), bytes.to_vec())
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest, b"GET /"].concat()
    }

    #[tokio::test]
    async fn the_source_is_read_and_not_a_byte_after_the_header() {
        let four = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x67, 0, 80];
        let six =
            [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0, 7, 0, 80], b"TLV that is ignored"].concat();
        let cases = [
            (b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\nGET /".to_vec(), Some("192.0.2.1:4711")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 7 80\r\nGET /".to_vec(), Some("[2001:db8::1]:7")),
            (b"PROXY UNKNOWN\r\nGET /".to_vec(), None),
            (version_2(0x21, 0x11, &four), Some("192.0.2.1:4711")),
            (version_2(0x21, 0x21, &six), Some("[2001:db8::1]:7")),
            (version_2(0x20, 0x00, &[]), None),
            (version_2(0x21, 0x31, &[0; 216]), None),
        ];
        for (bytes, source) in cases {
            assert_eq!(read(&bytes).await, (Ok(source.map(str::to_owned)), b"GET /".to_vec()));
        }
    }

    #[tokio::test]
    async fn other_bytes_are_refused() {
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        let cases = [
            b"GET / HTTP/1.1\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 2001:db8::2 7 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 80 more\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.2 99999 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1\r\n".to_vec(),
            long,
            version_2(0x11, 0x11, &[0; 12]),
            version_2(0x22, 0x11, &[0; 12]),
            version_2(0x21, 0x11, &[0; 9]),
            version_2(0x21, 0x51, &[0; 12]),
            version_2(0x21, 0x11, &[0; 5000]),
        ];
        for bytes in cases {
            assert_eq!(read(&bytes).await.0, Err(io::ErrorKind::InvalidData), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(rest in proptest::collection::vec(any::<u8>(), 0..80), version: bool) {
            let start: &[u8] = if version { SIGNATURE } else { b"PROXY TCP4 1" };
            let bytes = [start, &rest[..]].concat();
            let _ = futures_util::FutureExt::now_or_never(read_header(&mut &bytes[..])).expect("bytes do not wait");
        }
    }
}
