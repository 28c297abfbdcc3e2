//! Degradation of an answer that was given without a dependency: shown by its status, a header, or a field that differs from
//! peace.

use std::collections::BTreeMap;

use keel_wire::http::Answer;
use serde_json::Value;

/// Parts of the names and texts by which answers say that they are less than usual.
const WORDS: [&str; 25] = [
    "stale",
    "degraded",
    "partial",
    "fallback",
    "default",
    "cached",
    "outdated",
    "unavailable",
    "incomplete",
    "missing",
    "limited",
    "error",
    "unknown",
    "offline",
    "temporar",
    "estimate",
    "pending",
    "queued",
    "deferred",
    "later",
    "accepted",
    "retry",
    "warning",
    "not available",
    "last known",
];
/// Headers that say it by being there.
const HEADERS: [&str; 4] = ["warning", "age", "cache-status", "x-cache"];
/// Fields of an answer that are compared.
const MOST_FIELDS: usize = 2000;

/// Marks of a success beside those in peace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is marked as less than usual, by this.
    So(String),
    /// Something else than in peace, and not that it is less.
    Otherwise(String),
    /// The same but for what is left out.
    Less(String),
    /// The same as in peace: it may not need the dependency, or be from memory.
    AsInPeace,
    /// It is another each time, and no fields are told apart.
    Unclear,
}

impl Said {
    /// Compares `now` with two answers in peace; differences between those two are ignored.
    pub(crate) fn by(peace: [&Answer; 2], now: &Answer) -> Self {
        if peace.iter().all(|answer| answer.status != now.status) {
            return Self::So(format!("its status {}", now.status.as_u16()));
        }
        if let Some(name) = header(peace, now) {
            return Self::So(format!("its header {name}"));
        }
        match (peace.map(Answer::json), now.json()) {
            ([Some(one), Some(other)], Some(now)) => by_fields(&fields(&one), &fields(&other), &fields(&now)),
            _ => by_text(peace.map(Answer::text).each_ref().map(AsRef::as_ref), &now.text()),
        }
    }
}

fn header(peace: [&Answer; 2], now: &Answer) -> Option<String> {
    let new = |name: &str, value: &str| peace.iter().all(|answer| answer.header(name) != value);
    now.headers.keys().map(|name| name.as_str()).find_map(|name| {
        let value = now.header(name);
        let says = HEADERS.contains(&name) || has_word(name) || has_word(value);
        (new(name, value) && says).then(|| name.to_owned())
    })
}

fn by_fields(one: &Fields, other: &Fields, now: &Fields) -> Said {
    let stable = |pointer: &String, value: &Value| other.get(pointer) == Some(value);
    let mut otherwise = None;
    for (pointer, value) in now {
        if one.get(pointer) == Some(value) || other.get(pointer) == Some(value) {
            continue;
        }
        if value.is_null() || has_word(pointer) || value.as_str().is_some_and(has_word) {
            return Said::So(format!("its field {pointer}"));
        }
        let was = one.get(pointer).filter(|was| stable(pointer, was));
        if let Some(was) = was {
            otherwise.get_or_insert_with(|| format!("{pointer} is {value}, in peace {was}"));
        } else if !one.contains_key(pointer) && !other.contains_key(pointer) {
            otherwise.get_or_insert_with(|| format!("{pointer} is {value}, and not there in peace"));
        }
    }
    if let Some(otherwise) = otherwise {
        return Said::Otherwise(otherwise);
    }
    let gone = one.iter().find(|(pointer, value)| stable(pointer, value) && !now.contains_key(*pointer));
    gone.map_or(Said::AsInPeace, |(pointer, _)| Said::Less(pointer.clone()))
}

fn by_text(peace: [&str; 2], now: &str) -> Said {
    let lower = |text: &str| text.to_lowercase();
    let [one, other, now] = [lower(peace[0]), lower(peace[1]), lower(now)];
    let word = WORDS.into_iter().find(|word| now.contains(word) && !one.contains(word) && !other.contains(word));
    match word {
        Some(word) => Said::So(format!("the word {word:?}")),
        None if now == one || now == other => Said::AsInPeace,
        None if one != other => Said::Unclear,
        None => Said::Otherwise("its text is another, without a word about it".to_owned()),
    }
}

fn has_word(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// The values of a JSON text by their pointers, without objects and lists.
type Fields = BTreeMap<String, Value>;

fn fields(json: &Value) -> Fields {
    let (mut fields, mut open) = (Fields::new(), vec![(String::new(), json)]);
    while let Some((pointer, value)) = open.pop() {
        if fields.len() >= MOST_FIELDS {
            break;
        }
        match value {
            Value::Object(object) if !object.is_empty() => {
                open.extend(object.iter().map(|(name, value)| (format!("{pointer}/{name}"), value)));
            }
            Value::Array(list) if !list.is_empty() => {
                open.extend(list.iter().enumerate().map(|(place, value)| (format!("{pointer}/{place}"), value)));
            }
            other => {
                fields.insert(pointer, other.clone());
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let mut map = http::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, http::HeaderValue::from_static(value));
        }
        Answer {
            status: http::StatusCode::from_u16(status).unwrap_or_default(),
            headers: map,
            body: body.to_owned().into_bytes().into(),
            body_length: body.len() as u64,
            first_byte: Duration::ZERO,
        }
    }

    fn said(now: &str) -> Said {
        let peace = |id: u32| answer(200, &[], &format!(r#"{{"id":{id},"price":"12.50","stale":false}}"#));
        Said::by([&peace(1), &peace(2)], &answer(200, &[], now))
    }

    #[test]
    fn a_field_that_changes_says_so_by_its_name_its_text_or_by_being_null() {
        assert_eq!(said(r#"{"id":3,"price":"12.50","stale":true}"#), Said::So("its field /stale".to_owned()));
        assert_eq!(said(r#"{"id":3,"price":null,"stale":false}"#), Said::So("its field /price".to_owned()));
        let note = r#"{"id":3,"price":"0","stale":false,"note":"a default price"}"#;
        assert_eq!(said(note), Said::So("its field /note".to_owned()));
    }

    #[test]
    fn a_made_up_value_says_nothing() {
        let said = said(r#"{"id":3,"price":"0.00","stale":false}"#);
        assert!(matches!(&said, Said::Otherwise(what) if what.contains("/price")), "{said:?}");
    }

    #[test]
    fn fields_that_change_in_peace_do_not_count_and_missing_fields_mark_degradation() {
        assert_eq!(said(r#"{"id":99,"price":"12.50","stale":false}"#), Said::AsInPeace);
        assert_eq!(said(r#"{"id":99,"stale":false}"#), Said::Less("/price".to_owned()));
    }

    #[test]
    fn a_status_or_a_header_says_so() {
        let peace = answer(200, &[("server", "x"), ("x-mode", "live")], "the page");
        let by = |now: &Answer| Said::by([&peace, &peace], now);
        assert_eq!(by(&answer(203, &[], "the page")), Said::So("its status 203".to_owned()));
        let warned = answer(200, &[("server", "x"), ("warning", "110 - old")], "the page");
        assert_eq!(by(&warned), Said::So("its header warning".to_owned()));
        let mode = answer(200, &[("server", "x"), ("x-mode", "degraded")], "the page");
        assert_eq!(by(&mode), Said::So("its header x-mode".to_owned()));
        assert_eq!(by(&answer(200, &[("server", "y")], "the page")), Said::AsInPeace);
    }

    #[test]
    fn a_text_says_so_in_words() {
        let peace = answer(200, &[], "<p>12.50</p>");
        let by = |text: &str| Said::by([&peace, &peace], &answer(200, &[], text));
        assert_eq!(by("<p>12.50, as last known</p>"), Said::So("the word \"last known\"".to_owned()));
        assert!(matches!(by("<p>0.00</p>"), Said::Otherwise(_)));
        let other = answer(200, &[], "<p>12.51</p>");
        assert_eq!(Said::by([&peace, &other], &answer(200, &[], "<p>0.00</p>")), Said::Unclear);
    }
}
