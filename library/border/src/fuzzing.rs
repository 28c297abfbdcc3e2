//! Entry points of the fuzz targets (`fuzz/`): each gives bytes to one parser, and panics where a promise of that parser is broken.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use futures_util::FutureExt;
use telemetry::traces::TraceState;
use tokio::time::Instant;
use vitals::TraceContext;

use crate::Network;
use crate::accept_encoding::accepts_gzip;
use crate::body::is_too_deep;
use crate::content_coding::ContentCoding;
use crate::control_frames::ControlFrames;
use crate::cross_site::Scheme;
use crate::entity_tag::Comparison;
use crate::forwarded::{ForwardedHeader, client_of};
use crate::protocol::PREFACE;
use crate::simple_head::SimpleHead;
use crate::{content_coding, cross_site, entity_tag, framing, glance::Glance, host, proxy_protocol, target};

/// A parser under fuzz, by name.
pub type Entry = (&'static str, fn(&[u8]));

/// Every parser of untrusted bytes.
pub const ALL: [Entry; 16] = [
    ("proxy_protocol", proxy_protocol),
    ("forwarded", forwarded),
    ("network", network),
    ("host", host),
    ("path", path),
    ("control_frames", control_frames),
    ("simple_head", simple_head),
    ("json_depth", json_depth),
    ("traceparent", traceparent),
    ("grpc_timeout", grpc_timeout),
    ("tracestate", tracestate),
    ("entity_tags", entity_tags),
    ("accept_encoding", accept_encoding),
    ("content_coding", content_coding),
    ("transfer_coding", transfer_coding),
    ("origin", origin),
];

/// Reads a header of the PROXY protocol: it takes no byte of what follows, and says the same where more follows.
pub fn proxy_protocol(bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        let mut rest = bytes;
        let source = proxy_protocol::read_header(&mut rest).now_or_never().expect("bytes do not wait");
        (source.map_err(|error| error.kind()), bytes.len() - rest.len())
    };
    let (source, taken) = read(bytes);
    if source.is_ok() {
        assert_eq!(read(&bytes[..taken]), (source, taken), "a whole header is enough");
        assert_eq!(read(&[bytes, b"GET / HTTP/1.1"].concat()), (source, taken), "what follows means nothing");
    }
}

/// Reads the client of a request: what strangers wrote before a trusted proxy means nothing.
pub fn forwarded(bytes: &[u8]) {
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let trusted = ["10.0.0.0/8".parse::<Network>().expect("a network")];
    for (kind, name, own) in [
        (ForwardedHeader::XForwardedFor, "x-forwarded-for", "192.0.2.7"),
        (ForwardedHeader::Forwarded, "forwarded", "for=192.0.2.7"),
    ] {
        let Ok(value) = HeaderValue::from_bytes(bytes) else { continue };
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_static(name), value);
        client_of(&headers, peer, kind, &trusted);
        // The proxy appends a line of its own.
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(own));
        assert_eq!(client_of(&headers, peer, kind, &trusted), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    }
}

/// Reads a network: it contains its own address.
pub fn network(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(network) = text.parse::<Network>() {
        let address = text.split('/').next().and_then(|address| address.parse().ok()).expect("an address");
        assert!(network.contains(address), "{text:?}");
    }
}

/// Checks a Host: one that is taken is an authority without a user.
pub fn host(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut request = Request::new(());
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().insert("host", value);
    let hosts = Glance::of(request.headers()).hosts;
    let head = request.into_parts().0;
    if host::check(&head, hosts).is_ok() && !bytes.is_empty() {
        assert!(axum::http::uri::Authority::try_from(bytes).is_ok(), "{bytes:?}");
        assert!(!bytes.contains(&b'@'), "{bytes:?}");
    }
}

/// Checks a path: one that is taken has one reading.
pub fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let taken = text.starts_with('/') && target::check(text).is_ok();
    if taken {
        let segments: Vec<&str> = text.split('/').skip(1).collect();
        let (last, others) = segments.split_last().expect("a segment");
        assert!(others.iter().all(|segment| !segment.is_empty()), "{text:?}");
        for segment in others.iter().chain([last]) {
            let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
            assert!(decoded != "." && decoded != "..", "{text:?}");
            assert!(!decoded.contains("%2f") && !decoded.contains("%5c") && !decoded.contains("%00"), "{text:?}");
        }
    }
}

/// Counts frames of HTTP/2: where the bytes are split means nothing.
pub fn control_frames(bytes: &[u8]) {
    let now = Instant::now();
    let (mut whole, mut pieces) = (ControlFrames::new(now), ControlFrames::new(now));
    let first = bytes.first().copied().unwrap_or_default();
    let stream = [PREFACE, bytes].concat();
    let within = whole.received(&stream, first & 1 == 0, || now);
    let size = usize::from(first) % 17 + 1;
    let in_pieces = stream.chunks(size).all(|piece| pieces.received(piece, first & 1 == 0, || now));
    assert_eq!(within, in_pieces);
    assert_eq!(whole.goaway(), pieces.goaway());
}

/// Reads a head that may be refused below the server: a simple one is whole, and is not simple with a byte less or more.
pub fn simple_head(bytes: &[u8]) {
    if SimpleHead::parse(bytes).is_some() {
        assert!(SimpleHead::parse(&bytes[..bytes.len() - 1]).is_none());
        assert!(SimpleHead::parse(&[bytes, b"x"].concat()).is_none());
    }
}

/// Follows the depth of JSON: a text that parses is as deep as the parser says.
pub fn json_depth(bytes: &[u8]) {
    let bound = 5;
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) {
        assert_eq!(is_too_deep(bytes, bound), depth(&value) > bound, "{value}");
    }
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        serde_json::Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Reads a trace context: one that is taken is the same when it has been written and read again.
pub fn traceparent(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(trace) = text.parse::<TraceContext>() {
        assert_eq!(trace.to_string().parse(), Ok(trace));
    }
}

/// Reads a timeout of gRPC: none is longer than its digits allow.
pub fn grpc_timeout(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(time) = resilience::decode_timeout(text) {
        assert!(time.as_secs() <= 99_999_999 * 3600 && text.len() <= 9);
    }
}

/// Reads a trace state: one that is taken is short, and the same when it is read again.
pub fn tracestate(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(state) = TraceState::read([text].into_iter()) {
        assert!(state.as_str().len() <= 512);
        assert_eq!(TraceState::read([state.as_str()].into_iter()), Some(state));
    }
}

/// Reads the tags of a condition: a tag in front of them is found, and what is the same strongly is so weakly.
pub fn entity_tags(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let (condition, own) = (header::IF_NONE_MATCH, "\"own\"");
    let names = |headers: &HeaderMap, comparison| entity_tag::names(headers, &condition, Some(own), comparison);
    let mut headers = HeaderMap::from_iter([(condition.clone(), value.clone())]);
    if names(&headers, Comparison::Strong) == Some(true) {
        assert_eq!(names(&headers, Comparison::Weak), Some(true), "{bytes:?}");
    }
    headers.insert(&condition, HeaderValue::from_static("\"own\""));
    headers.append(&condition, value);
    assert_eq!(names(&headers, Comparison::Strong), Some(true), "{bytes:?}");
}

/// Reads the codings that a client accepts: the case of their names means nothing.
pub fn accept_encoding(bytes: &[u8]) {
    let accepts = |bytes: &[u8]| {
        let value = HeaderValue::from_bytes(bytes).ok()?;
        Some(accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)])))
    };
    assert_eq!(accepts(&bytes.to_ascii_lowercase()), accepts(&bytes.to_ascii_uppercase()), "{bytes:?}");
}

/// Reads the coding of a body: one that is not declared is never taken, and the one that is taken suffices as a declaration.
pub fn content_coding(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, value)]);
    let coding = |taken: &[ContentCoding]| content_coding::check(&headers, taken).ok().flatten();
    assert_eq!(coding(&[]), None);
    if let Some(taken) = coding(&[ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Brotli]) {
        assert_eq!(coding(&[taken]), Some(taken), "{bytes:?}");
    }
}

/// Reads a transfer coding: the one that is taken is `chunked`.
pub fn transfer_coding(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(header::TRANSFER_ENCODING, value)]);
    if framing::check_transfer_coding(&headers).is_ok() {
        assert_eq!(bytes.to_ascii_lowercase().trim_ascii(), b"chunked");
    }
}

/// Reads the origin of a request that changes state: the one that is taken is the host's.
pub fn origin(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("shop.example"));
    request.headers_mut().insert(header::ORIGIN, value);
    let head = request.into_parts().0;
    if cross_site::check(&head, Scheme::Https, &[]).is_ok() {
        let own = bytes.to_ascii_lowercase();
        assert!(own == b"https://shop.example" || own == b"https://shop.example:443", "{bytes:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that the parsers take, to be changed.
    const SEEDS: [&[u8]; 18] = [
        b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x12\x67\0\x50",
        b"192.0.2.1, [2001:db8::1]:4711, 10.2.2.2",
        b"for=192.0.2.60;proto=http, for=\"[2001:db8::17]:4711\"",
        b"10.0.0.0/8",
        b"[2001:db8::1]:443",
        b"/a%20b/.well-known/c",
        b"\0\0\x08\x06\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\0\0\x01\x01\x04\0\0\0\x01\x82",
        b"GET /a?b HTTP/1.1\r\nhost: x\r\nx-request-id: 1\r\n\r\n",
        b"[[[[[[\"]\\\"\",{\"a\":[1]}]]]]]]",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"250m",
        b"ot=th:8,rojo=00f067aa0ba902b7",
        b"W/\"a,b\", \"own\"",
        b"br;q=0.5, gzip;q=0.8, *;q=0",
        b"gzip, identity",
        b" chunked",
        b"https://shop.example:443",
    ];

    /// A seed with some bytes replaced, and perhaps some cut off.
    fn changed() -> impl Strategy<Value = Vec<u8>> {
        let change = (any::<proptest::sample::Index>(), any::<u8>());
        let changes = proptest::collection::vec(change, 0..4);
        let cut = proptest::option::of(any::<proptest::sample::Index>());
        (proptest::sample::select(&SEEDS[..]), changes, cut).prop_map(|(seed, changes, cut)| {
            let mut bytes = seed.to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let length = cut.map_or(bytes.len(), |cut| cut.index(bytes.len()));
            bytes.truncate(length);
            bytes
        })
    }

    proptest! {
        #[test]
        fn no_parser_breaks_its_promise_on_changed_seeds(bytes in changed()) {
            ALL.iter().for_each(|(_, entry)| entry(&bytes));
        }

        #[test]
        fn no_parser_breaks_its_promise_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            ALL.iter().for_each(|(_, entry)| entry(&bytes));
        }
    }

    #[test]
    fn every_parser_takes_every_seed() {
        for seed in SEEDS {
            ALL.iter().for_each(|(_, entry)| entry(seed));
        }
    }
}
