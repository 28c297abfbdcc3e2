//! Entity tags: validators of one representation (RFC 9110, 8.8.3).

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

/// Bytes of the digest in a tag: 128 bits.
const BYTES: usize = 16;
/// The most tags of a condition that are read.
const MAX_TAGS: usize = 64;

/// Returns the strong tag of these bytes: the same on every instance and after every start.
pub(crate) fn of(bytes: &[u8]) -> HeaderValue {
    let mut tag = String::with_capacity(2 * BYTES + 2);
    tag.push('"');
    for byte in Sha256::digest(bytes).iter().take(BYTES) {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    // Digits and quotes are visible characters.
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Returns the tag of the same representation in another coding: a strong tag names bytes, and these are others.
pub(crate) fn coded(tag: &HeaderValue, coding: &str) -> HeaderValue {
    let text = tag.to_str().ok().and_then(|text| text.strip_suffix('"'));
    text.and_then(|text| HeaderValue::from_str(&format!("{text}-{coding}\"")).ok()).unwrap_or_else(|| tag.clone())
}

/// Comparison of two tags (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The bytes are the same.
    Strong,
    /// The meaning is the same.
    Weak,
}

/// Returns whether a condition (`If-Match`, `If-None-Match`) names the tag; none without the condition. `*` names any tag there is.
pub(crate) fn names(
    headers: &HeaderMap,
    condition: &HeaderName,
    tag: Option<&str>,
    comparison: Comparison,
) -> Option<bool> {
    let mut values = headers.get_all(condition).into_iter().peekable();
    values.peek()?;
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    if texts.iter().any(|text| text.trim() == "*") {
        return Some(tag.is_some());
    }
    let Some(tag) = tag else { return Some(false) };
    let is_same = |known: &str| match comparison {
        Comparison::Strong => known == tag && !tag.starts_with("W/"),
        Comparison::Weak => opaque(known) == opaque(tag),
    };
    Some(texts.iter().flat_map(|text| listed(text)).take(MAX_TAGS).any(is_same))
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tags of a list. A tag may have commas inside its quotes.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let start = if rest.starts_with("W/") { 2 } else { 0 };
        let quoted = rest.get(start..)?.strip_prefix('"')?;
        let end = start + 1 + quoted.find('"')? + 1;
        let (tag, later) = rest.split_at(end);
        rest = later;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::header::{IF_MATCH, IF_NONE_MATCH};

    use super::*;

    fn names_it(condition: HeaderName, text: &'static str, tag: Option<&str>, comparison: Comparison) -> Option<bool> {
        let headers = HeaderMap::from_iter([(condition.clone(), HeaderValue::from_static(text))]);
        names(&headers, &condition, tag, comparison)
    }

    #[test]
    fn the_same_bytes_have_the_same_tag_and_other_bytes_or_codings_another_one() {
        assert_eq!(of(b"a"), of(b"a"));
        assert_ne!(of(b"a"), of(b"b"));
        assert_ne!(coded(&of(b"a"), "gzip"), of(b"a"));
        assert!(coded(&of(b"a"), "gzip").to_str().unwrap().ends_with("-gzip\""));
    }

    #[test]
    fn a_condition_names_a_tag_of_its_list_and_a_comma_inside_of_quotes_ends_no_tag() {
        for (text, is_named) in
            [("\"a\"", true), ("\"x\", \"a\"", true), ("\"a,b\", \"c\"", false), ("W/\"a\"", true), ("a", false)]
        {
            assert_eq!(names_it(IF_NONE_MATCH, text, Some("\"a\""), Comparison::Weak), Some(is_named), "{text}");
        }
        assert_eq!(names_it(IF_NONE_MATCH, "\"a,b\"", Some("\"a,b\""), Comparison::Weak), Some(true));
        assert_eq!(names(&HeaderMap::new(), &IF_MATCH, Some("\"a\""), Comparison::Strong), None);
    }

    #[test]
    fn a_weak_tag_is_never_the_same_in_the_strong_comparison() {
        assert_eq!(names_it(IF_MATCH, "W/\"a\"", Some("W/\"a\""), Comparison::Strong), Some(false));
        assert_eq!(names_it(IF_MATCH, "\"a\"", Some("\"a\""), Comparison::Strong), Some(true));
    }

    #[test]
    fn a_star_names_any_current_tag() {
        assert_eq!(names_it(IF_MATCH, "*", Some("\"a\""), Comparison::Strong), Some(true));
        assert_eq!(names_it(IF_MATCH, "*", None, Comparison::Strong), Some(false));
    }
}
