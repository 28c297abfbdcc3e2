//! The W3C trace state: what systems on the way of a trace tell each other.

use std::fmt;
use std::sync::Arc;

/// The longest state that is passed on, in bytes, as the recommendation asks at least.
const MAX_BYTES: usize = 512;
/// The most members of a state.
const MAX_MEMBERS: usize = 32;
/// The longest key and value.
const MAX_KEY_BYTES: usize = 256;
/// OpenTelemetry's member.
const OTEL: &str = "ot";

/// A well-formed `tracestate` (<https://www.w3.org/TR/trace-context/#tracestate-header>), passed on as it came. Cheap to
/// clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceState(Arc<str>);

impl TraceState {
    /// Reads the values of all `tracestate` headers, in their order. A state that is malformed or too large is left out as a whole.
    pub fn read<'v>(values: impl Iterator<Item = &'v str>) -> Option<Self> {
        let mut text = String::new();
        for value in values {
            if text.len() + value.len() > MAX_BYTES {
                return None;
            }
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(value.trim());
        }
        let members = || text.split(',').map(str::trim).filter(|member| !member.is_empty());
        let keys: Vec<&str> = members().map(key_of).collect();
        let is_double = |(index, key)| keys[..index].contains(key);
        let is_whole = !keys.is_empty()
            && keys.len() <= MAX_MEMBERS
            && members().all(is_member)
            && !keys.iter().enumerate().any(is_double);
        is_whole.then(|| Self(text.into()))
    }

    /// Sets or removes the sampling threshold, the key `th` of OpenTelemetry's member; its other keys stay. A changed member comes first.
    pub(crate) fn with_threshold(state: Option<&Self>, threshold: Option<&str>) -> Option<Self> {
        let members = || state.into_iter().flat_map(|state| state.0.split(',')).map(str::trim);
        let before = members().find(|member| key_of(member) == OTEL);
        let keys = before.and_then(|member| member.split_once('=')).map_or("", |(_, keys)| keys);
        let others = keys.split(';').filter(|key| !key.is_empty() && !key.starts_with("th:"));
        let own: Vec<String> =
            threshold.map(|th| format!("th:{th}")).into_iter().chain(others.map(str::to_owned)).collect();
        let own = (!own.is_empty()).then(|| format!("{OTEL}={}", own.join(";")));
        let mut kept: Vec<String> = own.into_iter().collect();
        // The oldest members are at the end: they go when there are too many.
        let mut bytes = kept.iter().map(String::len).sum::<usize>();
        for member in members().filter(|member| !member.is_empty() && key_of(member) != OTEL) {
            bytes += member.len() + 1;
            if bytes > MAX_BYTES || kept.len() == MAX_MEMBERS {
                break;
            }
            kept.push(member.to_owned());
        }
        (!kept.is_empty()).then(|| Self(kept.join(",").into()))
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn key_of(member: &str) -> &str {
    member.split_once('=').map_or(member, |(key, _)| key)
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let of_key = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    let of_value = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b',' && byte != b'=';
    let begins = key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    begins
        && key.len() <= MAX_KEY_BYTES
        && key.bytes().all(of_key)
        && (1..=MAX_KEY_BYTES).contains(&value.len())
        && value.bytes().all(of_value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        TraceState::read([text].into_iter()).map(|state| state.to_string())
    }

    #[test]
    fn a_well_formed_state_is_passed_on_as_it_came() {
        for text in ["rojo=00f067aa0ba902b7", "rojo=00f0,congo=t61rc , a@b/c=x:y;z"] {
            assert_eq!(read(text).as_deref(), Some(text));
        }
        let two = TraceState::read(["a=1", "b=2"].into_iter()).unwrap();
        assert_eq!(two.as_str(), "a=1,b=2");
    }

    #[test]
    fn malformed_doubled_and_oversized_states_are_left_out() {
        let many = (0..33).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
        let long = format!("a={}", "x".repeat(MAX_BYTES));
        for text in ["", "a", "a=", "A=1", "a=1,a=2", "a=1\u{7f}", "a=b=c", &many, &long] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_threshold_comes_first_and_leaves_the_other_members_and_keys() {
        let with = |text: &str, threshold| {
            let state = TraceState::read([text].into_iter());
            TraceState::with_threshold(state.as_ref(), threshold).map(|state| state.to_string())
        };
        assert_eq!(with("", Some("8")).as_deref(), Some("ot=th:8"));
        assert_eq!(with("a=1,ot=th:4;rv:2", Some("8")).as_deref(), Some("ot=th:8;rv:2,a=1"));
        assert_eq!(with("a=1,ot=th:4", None).as_deref(), Some("a=1"));
        assert_eq!(with("ot=th:4", None), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_a_state_stays_within_its_bounds(text in "\\PC{0,600}") {
            let state = TraceState::read([&*text].into_iter());
            let changed = TraceState::with_threshold(state.as_ref(), Some("8")).unwrap();
            prop_assert!(changed.as_str().len() <= MAX_BYTES);
        }
    }
}
