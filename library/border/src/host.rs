//! Host validation: a request names its host exactly once and well-formed, or it is refused (RFC 9112, 3.2; RFC 9113, 8.3.1).

use std::net::Ipv6Addr;

use axum::http::request::Parts;
use axum::http::{StatusCode, Version, header};

use crate::Problem;

/// Refuses a request that names no host where it must, more than one, an ill-formed one, or another in its target. A proxy in front may
/// have routed by one of them, or have cached under it, and a handler may read the other.
///
/// `hosts` says how often Host is there.
pub(crate) fn check(head: &Parts, hosts: usize) -> Result<(), Problem> {
    let host = match hosts {
        0 if head.version == Version::HTTP_11 => return refused("an HTTP/1.1 request must have a Host"),
        0 => None,
        1 => head.headers.get(header::HOST),
        _ => return refused("the request has more than one Host"),
    };
    if host.is_some_and(|host| !is_host(host.as_bytes())) {
        return refused("the value of Host must be a host with at most a port");
    }
    let Some(authority) = head.uri.authority() else { return Ok(()) };
    if authority.as_str().contains('@') {
        return refused("the target has a user's name");
    }
    match host {
        Some(host) if !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            refused("the Host and the host of the target differ")
        }
        _ => Ok(()),
    }
}

fn refused(detail: &str) -> Result<(), Problem> {
    Err(Problem::new(StatusCode::BAD_REQUEST, detail))
}

/// Bytes allowed in a registered name or an IPv4 address (RFC 3986, 3.2.2), without percent encoding, which no host needs.
const NAME: [bool; 256] = {
    let mut name = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        name[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut rest: &[u8] = b"-._~!$&'()*+,;=";
    while let [first, others @ ..] = rest {
        name[*first as usize] = true;
        rest = others;
    }
    name
};

/// Returns true for a host with at most a port, or an empty one: clients send that when the target has no authority.
fn is_host(value: &[u8]) -> bool {
    let port = match value {
        [] => return true,
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let (literal, after) = rest.split_at(end);
            let is_address = str::from_utf8(literal).is_ok_and(|literal| literal.parse::<Ipv6Addr>().is_ok());
            if !is_address {
                return false;
            }
            &after[1..]
        }
        name => {
            let end = name.iter().position(|byte| !NAME[usize::from(*byte)]).unwrap_or(name.len());
            if end == 0 {
                return false;
            }
            &name[end..]
        }
    };
    match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn is_refused(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        check(&request.body(()).unwrap().into_parts().0, hosts.len()).is_err()
    }

    #[test]
    fn one_host_with_at_most_a_port_is_taken() {
        for host in ["x", "x:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "a-b.example:", "a_b", ""] {
            assert!(!is_refused(Version::HTTP_11, "/", &[host]), "{host:?}");
        }
    }

    #[test]
    fn malformed_hosts_are_refused() {
        for host in [
            "a b", "x/y", "user@x", "x:port", "x?y", ":80", "x,y z", "x%41", "x:80:80", "[::1", "[x]", "[]:80",
            "[::1]x",
        ] {
            assert!(is_refused(Version::HTTP_11, "/", &[host]), "{host:?}");
        }
    }

    #[test]
    fn no_host_is_refused_in_http_1_1_alone_and_two_in_all_versions() {
        assert!(is_refused(Version::HTTP_11, "/", &[]));
        assert!(!is_refused(Version::HTTP_10, "/", &[]));
        assert!(!is_refused(Version::HTTP_2, "http://x/", &[]));
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(is_refused(version, "/", &["x", "x"]));
        }
    }

    #[test]
    fn a_host_beside_a_target_with_a_host_says_the_same_in_every_version() {
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(!is_refused(version, "http://x:80/", &["X:80"]), "{version:?}");
            assert!(is_refused(version, "http://x:80/", &["y:80"]), "{version:?}");
            assert!(is_refused(version, "http://user@x/", &["x"]), "{version:?}");
        }
    }

    proptest::proptest! {
        /// The scan takes no host that the parser of URIs would refuse.
        #[test]
        fn hosts_that_are_taken_are_authorities(host in r"[a-z0-9:@%/\.\[\] _,-]{0,12}") {
            let parsed = axum::http::uri::Authority::try_from(host.as_str());
            proptest::prop_assert!(!is_host(host.as_bytes()) || host.is_empty() || parsed.is_ok(), "{}", host);
        }
    }
}
