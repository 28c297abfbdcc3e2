//! The client of a request that came through a proxy: read from the header that the proxy writes, and only where the peer is a trusted
//! proxy. Anybody can write these headers.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};

use crate::network::Network;

/// Header in which trusted proxies name the client. A proxy that writes one header passes the other on as its client sent it, so only one can be
/// trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which most proxies and balancers append to.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies that are believed one behind the other.
const MOST_HOPS: usize = 16;

/// Returns the client of a request that a trusted proxy sent: the last address in the header that is no trusted proxy. When the header ends
/// before, or holds a malformed address, the hop that wrote it stands for the client.
pub(crate) fn client_of(headers: &HeaderMap, peer: IpAddr, header: ForwardedHeader, proxies: &[Network]) -> IpAddr {
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match header {
        ForwardedHeader::XForwardedFor => (X_FORWARDED_FOR, address_of),
        ForwardedHeader::Forwarded => (FORWARDED, for_of),
    };
    let lines: Vec<&str> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut client = peer;
    for hop in hops.take(MOST_HOPS) {
        let Some(address) = read(hop.trim()) else { break };
        client = address;
        if !is_in(address, proxies) {
            break;
        }
    }
    client
}

/// Returns true when one of the networks has the address.
pub(crate) fn is_in(address: IpAddr, networks: &[Network]) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The address of a `for` parameter of `Forwarded`. Names and hidden addresses are none.
fn for_of(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    let quoted = node.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    address_of(quoted.unwrap_or(node))
}

/// An address, with a port or without.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn client(kind: ForwardedHeader, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(*name, line.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        client_of(&headers, PEER.parse().unwrap(), kind, &proxies).to_string()
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_trusted_proxy() {
        let client = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            client(ForwardedHeader::XForwardedFor, &lines)
        };
        assert_eq!(client(&[]), PEER);
        assert_eq!(client(&["192.0.2.1"]), "192.0.2.1");
        // The client wrote the first one.
        assert_eq!(client(&["198.51.100.7, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(&["198.51.100.7", "192.0.2.1, 10.2.2.2", "10.3.3.3"]), "192.0.2.1");
        assert_eq!(client(&["192.0.2.1:4711"]), "192.0.2.1");
        assert_eq!(client(&["[2001:db8::1]:4711, fd00::1"]), "2001:db8::1");
        assert_eq!(client(&["2001:db8::1"]), "2001:db8::1");
        // Nobody knows who stands behind what is no address.
        assert_eq!(client(&["192.0.2.1, unknown, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(client(&["192.0.2.1,"]), PEER);
        assert_eq!(client(&["10.4.4.4, 10.5.5.5"]), "10.4.4.4");
    }

    #[test]
    fn forwarded_is_read_by_its_for() {
        let client = |line: &str| client(ForwardedHeader::Forwarded, &[("forwarded", line)]);
        assert_eq!(client("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
        assert_eq!(client("by=x; For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
        assert_eq!(client("for=198.51.100.7, for=192.0.2.1, for=10.2.2.2"), "192.0.2.1");
        assert_eq!(client("for=192.0.2.1, for=_hidden"), PEER);
        assert_eq!(client("for=192.0.2.1, proto=https"), PEER);
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_not_read() {
        let both = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "198.51.100.7")];
        assert_eq!(client(ForwardedHeader::XForwardedFor, &both), "198.51.100.7");
        assert_eq!(client(ForwardedHeader::Forwarded, &both), "192.0.2.1");
    }

    proptest! {
        #[test]
        fn no_header_makes_the_parser_panic(text in "[ -~]{0,60}") {
            let _ = (address_of(&text), for_of(&text));
            client(ForwardedHeader::Forwarded, &[("forwarded", &text)]);
        }
    }
}
