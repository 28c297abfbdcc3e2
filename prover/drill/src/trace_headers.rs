//! The headers of W3C Trace Context: `traceparent` and `tracestate`.
//!
//! Source: [Trace Context](https://www.w3.org/TR/trace-context/), sections 3.2 and 3.3.

use ::http::HeaderMap;

/// The headers as they came, unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceHeaders {
    /// Every `traceparent`.
    pub parent: Vec<String>,
    /// Every `tracestate`, joined by commas.
    pub state: String,
}

/// A well-formed `traceparent` of version 00.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Trace id: 32 lower-case hexadecimal digits.
    pub trace: String,
    /// Id of the caller's span: 16 lower-case hexadecimal digits.
    pub span: String,
    /// Flags; the lowest bit says that the trace is sampled.
    pub flags: u8,
}

impl TraceHeaders {
    /// Reads both headers of a call.
    pub fn of(headers: &HeaderMap) -> Self {
        let all = |name: &str| {
            let values = headers.get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect::<Vec<_>>()
        };
        Self { parent: all("traceparent"), state: all("tracestate").join(",") }
    }

    /// The context: none when there is no `traceparent`, more than one, or one that is malformed.
    pub fn context(&self) -> Option<TraceParent> {
        match self.parent.as_slice() {
            [one] => TraceParent::parse(one),
            _ => None,
        }
    }
}

impl TraceParent {
    /// Reads a header of version 00; none when it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let ["00", trace, span, flags] = parts.as_slice() else { return None };
        let flags = is_hex(flags, 2).then(|| u8::from_str_radix(flags, 16).ok())??;
        let is_id = |id: &str, length| is_hex(id, length) && id.bytes().any(|byte| byte != b'0');
        (is_id(trace, 32) && is_id(span, 16)).then(|| Self {
            trace: (*trace).to_owned(),
            span: (*span).to_owned(),
            flags,
        })
    }

    /// Returns true if its flags say that the trace is sampled.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The header.
    pub fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written_again() {
        let parent = TraceParent::parse(GOOD).unwrap();
        assert!(parent.is_sampled());
        assert_eq!(parent.header(), GOOD);
        assert!(!TraceParent::parse(&GOOD.replace("-01", "-02")).unwrap().is_sampled());
    }

    #[test]
    fn malformed_headers_are_no_context() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        for text in [zero_trace, zero_span, "", "00", &GOOD.to_uppercase(), &GOOD[1..], &format!("{GOOD}-x")] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_headers_are_no_context() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", GOOD.parse().unwrap());
        headers.append("tracestate", "a=1".parse().unwrap());
        assert!(TraceHeaders::of(&headers).context().is_some());
        headers.append("traceparent", GOOD.parse().unwrap());
        headers.append("tracestate", "b=2".parse().unwrap());
        assert_eq!(TraceHeaders::of(&headers).context(), None);
        assert_eq!(TraceHeaders::of(&headers).state, "a=1,b=2");
    }
}
