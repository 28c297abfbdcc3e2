//! Which host a request is for: said once and well, or the request is refused (RFC 9112, 3.2; RFC 9113, 8.3.1).

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, Version, header};

use crate::Problem;

/// Refuses a request that names no host where it must, more than one, or none that could be one. A proxy in front may have
/// chosen its way, or a key of its cache, by another of them than a handler would.
pub(crate) fn check(head: &Parts) -> Result<(), Problem> {
    let mut named = head.headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    match (first, second) {
        (_, Some(_)) => refused("the request has more than one Host"),
        (None, None) if head.version == Version::HTTP_11 => refused("an HTTP/1.1 request must have a Host"),
        (None, None) => Ok(()),
        (Some(host), None) if !is_host(host) => refused("the value of Host is no host with at most a port"),
        (Some(host), None) if head.version == Version::HTTP_2 && differs(head.uri.authority(), host) => {
            refused("Host and :authority differ")
        }
        (Some(_), None) => Ok(()),
    }
}

fn refused(detail: &str) -> Result<(), Problem> {
    Err(Problem::new(StatusCode::BAD_REQUEST, detail))
}

/// A host with at most a port, or nothing: what a client sends whose target has no authority.
fn is_host(value: &HeaderValue) -> bool {
    if value.is_empty() {
        return true;
    }
    let Ok(authority) = Authority::try_from(value.as_bytes()) else { return false };
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or(authority.as_str());
    !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && (port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())))
}

fn differs(authority: Option<&Authority>, host: &HeaderValue) -> bool {
    authority.is_some_and(|authority| !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()))
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
        check(&request.body(()).unwrap().into_parts().0).is_err()
    }

    #[test]
    fn one_host_with_at_most_a_port_is_taken() {
        for host in ["x", "x:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "a-b.example:", ""] {
            assert!(!is_refused(Version::HTTP_11, "/", &[host]), "{host:?}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in ["a b", "x/y", "user@x", "x:port", "x?y", ":80", "x,y z"] {
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
    fn a_host_beside_authority_says_the_same() {
        assert!(!is_refused(Version::HTTP_2, "http://x:80/", &["X:80"]));
        assert!(is_refused(Version::HTTP_2, "http://x:80/", &["y:80"]));
    }
}
