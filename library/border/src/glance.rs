//! Header scan: one pass over the headers of a request finds the few that the border reads, and their size.
//!
//! Most requests have none of them but Host. A look-up of each would hash its name and probe the map for nothing.

use axum::http::HeaderMap;

/// Summary of the request headers that the border uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Bytes of all headers as HTTP/1.1 sends them.
    pub(crate) bytes: usize,
    /// Number of Host headers.
    pub(crate) hosts: usize,
    /// True when the caller sends an id or a trace.
    pub(crate) identity: bool,
    /// True when the caller sends a timeout.
    pub(crate) timeout: bool,
    /// True when the caller sends a criticality.
    pub(crate) criticality: bool,
    /// True when the caller expects something before it sends its body.
    pub(crate) expectation: bool,
    /// True when the body has a content coding.
    pub(crate) content_coding: bool,
    /// True when the client says which codings of an answer it accepts.
    pub(crate) accepted_codings: bool,
    /// True when the client asks for another protocol.
    pub(crate) upgrade: bool,
    /// True when the request has a precondition.
    pub(crate) condition: bool,
    /// True when the body has a transfer coding.
    pub(crate) transfer_coding: bool,
}

impl Glance {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut glance = Self::default();
        for (name, value) in headers {
            let name = name.as_str();
            glance.bytes += name.len() + value.len() + 4;
            // By length first: few names have one of these.
            match name.len() {
                4 if name == "host" => glance.hosts += 1,
                6 if name == "expect" => glance.expectation = true,
                11 if name == "traceparent" => glance.identity = true,
                11 if name == "criticality" => glance.criticality = true,
                12 if name == "x-request-id" => glance.identity = true,
                12 if name == "grpc-timeout" => glance.timeout = true,
                7 if name == "upgrade" => glance.upgrade = true,
                8 if name == "if-match" => glance.condition = true,
                13 if name == "if-none-match" => glance.condition = true,
                15 if name == "accept-encoding" => glance.accepted_codings = true,
                16 if name == "content-encoding" => glance.content_coding = true,
                17 if name == "if-modified-since" => glance.condition = true,
                19 if name == "if-unmodified-since" => glance.condition = true,
                17 if name == "transfer-encoding" => glance.transfer_coding = true,
                _ => {}
            }
        }
        glance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_of_the_border_is_seen_and_others_count_by_their_bytes() {
        let glance = |names: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(*name, "value".parse().unwrap());
            }
            Glance::of(&headers)
        };
        let with = |bytes| Glance { bytes, ..Glance::default() };
        assert_eq!(glance(&[]), with(0));
        assert_eq!(glance(&["accept", "user-agent", "date", "grpc-accept"]), with(6 + 10 + 4 + 11 + 4 * 9));
        assert_eq!(glance(&["host", "host"]), Glance { hosts: 2, ..with(26) });
        assert_eq!(glance(&["x-request-id"]), Glance { identity: true, ..with(21) });
        assert_eq!(glance(&["traceparent"]), Glance { identity: true, ..with(20) });
        assert_eq!(glance(&["grpc-timeout"]), Glance { timeout: true, ..with(21) });
        assert_eq!(glance(&["criticality"]), Glance { criticality: true, ..with(20) });
        assert_eq!(glance(&["expect"]), Glance { expectation: true, ..with(15) });
        assert_eq!(glance(&["upgrade"]), Glance { upgrade: true, ..with(16) });
        assert_eq!(glance(&["if-match"]), Glance { condition: true, ..with(17) });
        assert_eq!(glance(&["if-none-match"]), Glance { condition: true, ..with(22) });
        assert_eq!(glance(&["if-modified-since"]), Glance { condition: true, ..with(26) });
        assert_eq!(glance(&["if-unmodified-since"]), Glance { condition: true, ..with(28) });
        assert_eq!(glance(&["accept-encoding"]), Glance { accepted_codings: true, ..with(24) });
        assert_eq!(glance(&["content-encoding"]), Glance { content_coding: true, ..with(25) });
        assert_eq!(glance(&["transfer-encoding"]), Glance { transfer_coding: true, ..with(26) });
    }
}
