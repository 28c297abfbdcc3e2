//! Requests that come from this host itself, without a proxy between.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header;
use axum::http::request::Parts;

/// Headers by which a proxy says that the request is another's.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Returns the reason for which a request is not of this host; none when it is.
pub(super) fn elsewhere(head: &Parts) -> Option<&'static str> {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    if !peer.is_some_and(|peer| peer.is_loopback()) {
        return Some("it does not come from this host");
    }
    if FORWARDED.iter().any(|name| head.headers.contains_key(*name)) {
        return Some("a proxy has forwarded it");
    }
    let host = head.uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| head.headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    match host.is_some_and(is_of_this_host) {
        true => None,
        false => Some("its Host is a name, which a foreign page can let point to this host"),
    }
}

/// Returns true for an address or `localhost`, with or without a port: no foreign name, which others can let point here.
fn is_of_this_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;

    fn reason(peer: Option<&str>, host: &str, header: Option<&str>) -> Option<&'static str> {
        let mut request = Request::post("/policies/bank").header(header::HOST, host);
        if let Some(name) = header {
            request = request.header(name, "192.0.2.7");
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        if let Some(peer) = peer {
            head.extensions.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        elsewhere(&head)
    }

    const HERE: Option<&str> = Some("127.0.0.1:4000");

    #[test]
    fn a_request_of_this_host_to_an_address_or_localhost_is_from_here() {
        for (peer, host) in [
            ("127.0.0.1:4000", "127.0.0.1:8081"),
            ("[::1]:4000", "[::1]:8081"),
            ("[::ffff:127.0.0.1]:4000", "localhost:8081"),
            ("127.9.9.9:1", "LocalHost"),
            ("127.0.0.1:4000", "10.0.0.7"),
        ] {
            assert_eq!(reason(Some(peer), host, None), None, "{peer} {host}");
        }
    }

    #[test]
    fn a_request_from_elsewhere_through_a_proxy_or_to_a_name_is_not() {
        assert!(reason(Some("192.0.2.7:4000"), "127.0.0.1", None).is_some());
        assert!(reason(None, "127.0.0.1", None).is_some());
        for host in ["evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example", "", "[evil]"] {
            assert!(reason(HERE, host, None).is_some(), "{host:?}");
        }
        for header in FORWARDED {
            assert!(reason(HERE, "127.0.0.1", Some(header)).is_some(), "{header}");
        }
    }
}
