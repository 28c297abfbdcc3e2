//! Headers that say how long a caller waits for an answer.
//!
//! HTTP itself has no such header. These are the ones that frameworks and proxies read or write, each a length of time from the
//! moment at which it is sent:
//!
//! - `grpc-timeout` of [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): at most eight digits
//!   and a unit (`H`, `M`, `S`, `m`, `u`, `n`);
//! - `connect-timeout-ms` of the [Connect protocol](https://connectrpc.com/docs/protocol): at most ten digits, milliseconds;
//! - `x-envoy-upstream-rq-timeout-ms`, which
//!   [Envoy](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter) is told, and
//!   `x-envoy-expected-rq-timeout-ms`, which it tells: milliseconds.

use std::time::Duration;

use ::http::HeaderMap;

use keel_wire::http::Request;

const GRPC: &str = "grpc-timeout";
/// Headers in milliseconds that a caller sends, and the one that only a proxy does.
const ASKED: [&str; 2] = ["connect-timeout-ms", "x-envoy-upstream-rq-timeout-ms"];
const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";
/// The most digits that a value has.
const MOST_DIGITS: usize = 10;

/// One header that says how long its sender waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlineHeader {
    /// The header's name.
    pub header: &'static str,
    /// The time for which its sender waits, from when it was sent.
    pub waits: Duration,
}

/// Adds every header by which a caller says that it waits so long (whole milliseconds, below 28 hours).
#[must_use]
pub fn add(request: Request, waits: Duration) -> Request {
    let milliseconds = waits.as_millis();
    let said = request.header(GRPC, format!("{milliseconds}m"));
    ASKED.iter().fold(said, |said, name| said.header(*name, milliseconds.to_string()))
}

/// Reads these headers of a call; malformed values are ignored.
pub fn read(headers: &HeaderMap) -> Vec<DeadlineHeader> {
    let value = |name: &str| headers.get(name)?.to_str().ok();
    let in_milliseconds = |header: &'static str| {
        let waits = Duration::from_millis(digits(value(header)?)?);
        Some(DeadlineHeader { header, waits })
    };
    let of_grpc = value(GRPC).and_then(grpc).map(|waits| DeadlineHeader { header: GRPC, waits });
    of_grpc.into_iter().chain(ASKED.into_iter().chain([EXPECTED]).filter_map(in_milliseconds)).collect()
}

fn grpc(value: &str) -> Option<Duration> {
    let (amount, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount = digits(amount)?;
    Some(match unit {
        "H" => Duration::from_secs(amount.checked_mul(3600)?),
        "M" => Duration::from_secs(amount.checked_mul(60)?),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= MOST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_of(name: &'static str, value: &str) -> Vec<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a value of visible characters"));
        read(&headers).iter().map(|patience| patience.waits).collect()
    }

    #[test]
    fn added_headers_are_read_back() {
        let request = add(Request::get("/"), Duration::from_millis(1250));
        let headers: HeaderMap = request
            .headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect::<Vec<(::http::HeaderName, ::http::HeaderValue)>>()
            .into_iter()
            .collect();
        let said = read(&headers);
        assert_eq!(said.len(), 1 + ASKED.len());
        assert!(said.iter().all(|patience| patience.waits == Duration::from_millis(1250)), "{said:?}");
    }

    #[test]
    fn units_are_those_of_grpc() {
        for (value, waits) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("4S", Duration::from_secs(4)),
            ("5m", Duration::from_millis(5)),
            ("6u", Duration::from_micros(6)),
            ("7n", Duration::from_nanos(7)),
        ] {
            assert_eq!(waits_of(GRPC, value), [waits]);
        }
        assert_eq!(waits_of(EXPECTED, "250"), [Duration::from_millis(250)]);
    }

    #[test]
    fn malformed_values_are_ignored() {
        for value in ["", "5", "m", "-5m", "+5m", "5 m", "5s", "12345678901m", "5\u{b5}"] {
            assert!(waits_of(GRPC, value).is_empty(), "{value:?}");
        }
        for value in ["", "1.5", "-1", "12345678901"] {
            assert!(waits_of(EXPECTED, value).is_empty(), "{value:?}");
        }
    }
}
