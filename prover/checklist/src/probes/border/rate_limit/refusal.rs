//! Classification of an answer in a burst: as in peace, refused with or without a hint to come again, or anything else.

use std::time::Duration;

use keel_wire::answers::{self, WireAnswer};
use keel_wire::raw::Heard;

use crate::probes::support::listener;

/// The headers that tell a client its limit: RFC 9110 (10.2.3), draft-ietf-httpapi-ratelimit-headers, and its forerunners.
const TELLING: [&str; 2] = ["retry-after", "ratelimit"];
/// Prefixes of the forerunners; `RateLimit-Policy` has one too.
const FORERUNNERS: [&str; 2] = ["ratelimit-", "x-ratelimit-"];

/// One answer of a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// As in peace.
    InPeace,
    /// 429 or 503.
    Refused(Refusal),
    /// Another status, or none: how it looked.
    Otherwise(String),
}

/// A request that came too early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// 429 or 503.
    pub(super) status: u16,
    /// The headers that tell the limit, as they came.
    pub(super) headers: String,
    /// The seconds of Retry-After, else of a reset (`RateLimit-Reset`, or `t=` of `RateLimit`).
    pub(super) wait: Option<Duration>,
}

impl Answered {
    /// Classifies the answer; `in_peace` is the status of the same request in peace.
    pub(super) fn of(heard: &Heard, in_peace: u16) -> Self {
        match answers::first(&heard.bytes, 0) {
            Some(answer) if answer.status == in_peace => Self::InPeace,
            Some(answer) if matches!(answer.status, 429 | 503) => Self::Refused(Refusal::of(&answer)),
            Some(answer) => Self::Otherwise(format!("answered {}", answer.status)),
            None => Self::Otherwise(listener::told(heard)),
        }
    }

    /// As a phrase.
    pub(super) fn told(&self) -> String {
        match self {
            Self::InPeace => "answered as in peace".to_owned(),
            Self::Refused(refusal) => format!("refused with {}", refusal.status),
            Self::Otherwise(how) => how.clone(),
        }
    }
}

impl Refusal {
    fn of(answer: &WireAnswer) -> Self {
        let lines =
            answer.written.iter().map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(value)));
        let telling: Vec<(String, String)> =
            lines.filter(|(name, _)| tells(name)).map(|(name, value)| (name, value.trim().to_owned())).collect();
        let headers: Vec<String> = telling.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        Self { status: answer.status, headers: headers.join(" · "), wait: wait(&telling) }
    }

    /// Returns true if it tells a client anything about when to come again.
    pub(super) fn says_when(&self) -> bool {
        !self.headers.is_empty()
    }
}

fn tells(name: &str) -> bool {
    TELLING.contains(&name) || FORERUNNERS.iter().any(|beginning| name.starts_with(beginning))
}

fn wait(telling: &[(String, String)]) -> Option<Duration> {
    let value = |wanted: &str| telling.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let seconds =
        value("retry-after").or_else(|| value("ratelimit-reset")).or_else(|| value("ratelimit").and_then(reset));
    seconds.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs)
}

/// The seconds of `t=` in `"policy";r=0;t=5`.
fn reset(limit: &str) -> Option<&str> {
    limit.split([';', ',']).find_map(|part| part.trim().strip_prefix("t="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(answer: &str) -> Refusal {
        Refusal::of(&answers::first(answer.as_bytes(), 0).expect("a whole head"))
    }

    #[test]
    fn the_wait_is_read_from_whichever_header_states_it() {
        for (headers, seconds) in [
            ("Retry-After: 3\r\nRateLimit: \"a\";r=0;t=9", Some(3)),
            ("RateLimit: \"a\";r=0;t=9", Some(9)),
            ("RateLimit-Reset: 4", Some(4)),
            ("X-RateLimit-Limit: 10", None),
        ] {
            let refusal = refusal(&format!("HTTP/1.1 429 X\r\n{headers}\r\n\r\n"));
            assert_eq!(refusal.wait, seconds.map(Duration::from_secs), "{headers}");
            assert!(refusal.says_when(), "{headers}");
        }
    }

    #[test]
    fn a_refusal_without_such_headers_says_nothing() {
        assert!(!refusal("HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\nRetry-After: 1").says_when());
    }
}
