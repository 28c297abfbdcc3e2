//! Requests that can be refused below the HTTP server: complete, with the body if they have one, and nothing unusual in them.
//!
//! Any other head goes to the server, which knows all of HTTP/1.1.

use axum::http::Method;
use resilience::Criticality;

use crate::identity::is_well_formed;

/// Header fields of a head; more go to the server.
const MAX_FIELDS: usize = 64;
/// Methods whose requests are refused; others have rules of their own.
const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];

/// The head of a complete request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SimpleHead<'a> {
    pub(crate) method: Method,
    pub(crate) target: &'a str,
    pub(crate) class: Criticality,
    /// The caller's own id, when it is well formed.
    pub(crate) request_id: Option<&'a [u8]>,
}

impl<'a> SimpleHead<'a> {
    /// Returns the head of which `bytes` consist, or none when they are anything but one whole simple request.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(length) = request.parse(bytes).ok()? else { return None };
        let method = METHODS.into_iter().find(|method| Some(method.as_str()) == request.method)?;
        if request.version != Some(1) {
            return None;
        }
        let (mut hosts, mut class, mut request_id, mut body) = (0, Criticality::Critical, None, None);
        for field in request.headers.iter() {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            // By length first: few names have one of these.
            match field.name.len() {
                4 if is("host") => hosts += 1,
                6 if is("expect") => return None,
                7 if is("upgrade") => return None,
                10 if is("connection") && !field.value.eq_ignore_ascii_case(b"keep-alive") => return None,
                11 if is("criticality") => {
                    let said = std::str::from_utf8(field.value).ok().and_then(|value| value.parse().ok());
                    class = class.min(said.unwrap_or(class));
                }
                12 if is("x-request-id") => request_id = Some(field.value).filter(|id| is_well_formed(id)),
                14 if is("content-length") => {
                    let twice = body.replace(length_of(field.value)?).is_some();
                    if twice {
                        return None;
                    }
                }
                17 if is("transfer-encoding") => return None,
                _ => {}
            }
        }
        let is_whole = length.checked_add(body.unwrap_or(0)) == Some(bytes.len());
        (hosts == 1 && is_whole).then_some(Self { method, target: request.path?, class, request_id })
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or(self.target)
    }
}

/// Returns the length that a Content-Length of digits alone declares.
fn length_of(value: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: &str = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn a_whole_head_without_a_body_is_simple() {
        let head = SimpleHead::parse(GET.as_bytes()).unwrap();
        assert_eq!((head.method.as_str(), head.target, head.path()), ("GET", "/a?b", "/a"));
        assert_eq!((head.class, head.request_id), (Criticality::Critical, None));
        let text = "HEAD /c HTTP/1.1\r\nhost: x\r\nX-Request-Id: i-1\r\nCriticality: sheddable\r\nConnection: Keep-Alive\r\n\r\n";
        let head = SimpleHead::parse(text.as_bytes()).unwrap();
        assert_eq!((head.method, head.class), (Method::HEAD, Criticality::Sheddable));
        assert_eq!(head.request_id, Some(&b"i-1"[..]));
    }

    #[test]
    fn a_request_is_whole_with_its_body() {
        for text in [
            "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "PUT /a HTTP/1.1\r\nHost: x\r\ncontent-length: 4\r\n\r\nbody",
        ] {
            assert_eq!(SimpleHead::parse(text.as_bytes()).unwrap().path(), "/a");
        }
    }

    #[test]
    fn a_caller_cannot_raise_its_class_and_an_ill_formed_id_is_not_taken_over() {
        let text = "GET /c HTTP/1.1\r\nhost: x\r\nX-Request-Id: a b\r\nCriticality: critical\r\n\r\n";
        let head = SimpleHead::parse(text.as_bytes()).unwrap();
        assert_eq!((head.class, head.request_id), (Criticality::Critical, None));
    }

    #[test]
    fn anything_else_is_left_to_the_server() {
        let with = |field: &str| format!("POST /a HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n");
        let others = [
            with("Content-Length: 5"),
            with("Content-Length: +0"),
            with("Content-Length: 0\r\nContent-Length: 0"),
            format!("{}ab", with("Content-Length: 1")),
            with("Content-Length: 99999999999999999999"),
            with("Transfer-Encoding: chunked"),
            with("Upgrade: websocket"),
            with("Expect: 100-continue"),
            with("Connection: close"),
            with("Host: y"),
            "GET / HTTP/1.0\r\nHost: x\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
            "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            GET[..GET.len() - 1].to_owned(),
            format!("{GET}GET /"),
            GET.repeat(2),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ];
        for other in others {
            assert_eq!(SimpleHead::parse(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..60) {
            let _ = SimpleHead::parse(&bytes);
            let mut text = GET.as_bytes()[..cut.min(GET.len())].to_vec();
            text.extend_from_slice(&bytes);
            let _ = SimpleHead::parse(&text);
        }
    }
}
