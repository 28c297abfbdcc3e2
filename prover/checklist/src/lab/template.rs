//! Fills the templates of a request: `{key}`, `{n}` (or `{number}`) and every saved name; and finds the key and number again in what was sent.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use keel_input::template::{self, Piece};
use keel_wire::http::Request;

use crate::subject::RequestSpec;

/// The names whose values every request gets for itself.
pub(super) const OWN: [&str; 3] = ["key", "n", "number"];

/// Counts through the whole process, so that two labs never make the same `{n}`.
static COUNTER: AtomicU64 = AtomicU64::new(1);

/// The request that `spec` describes, with `saved` values, a fresh key and the next number.
///
/// All places of one request get the same key and number. An unknown name stays as it is written, braces and all.
pub(super) fn fill(spec: &RequestSpec, saved: &BTreeMap<String, String>) -> Request {
    fill_as(spec, saved, &BTreeMap::new())
}

/// The same with values that stand for saved ones, and for a fresh key and number.
pub(super) fn fill_as(spec: &RequestSpec, saved: &BTreeMap<String, String>, own: &BTreeMap<String, String>) -> Request {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed).to_string();
    let fresh = [fresh_key(), number.clone(), number];
    let fresh: BTreeMap<&str, String> = OWN.into_iter().zip(fresh).collect();
    let value = |name: &str| {
        // `number` is the long name of `n`, and a request may save a value of that name.
        let named = saved.get(name).filter(|_| name == "number");
        own.get(name).or(named).or_else(|| fresh.get(name)).or_else(|| saved.get(name)).cloned()
    };
    let method = if spec.method.is_empty() { "GET" } else { &spec.method };
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap_or(Method::GET);
    let mut request = Request::new(method, template::fill(&spec.path, value));
    for (name, template) in &spec.headers {
        request = request.header(name, template::fill(template, value));
    }
    match (&spec.json, &spec.body) {
        (Some(template), _) if spec.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) => {
            request.body(json(template, &value).to_string())
        }
        (Some(template), _) => request.json(&json(template, &value)),
        (None, Some(template)) => request.body(template::fill(template, value)),
        (None, None) => request,
    }
}

/// The `{key}` and `{n}` that a request of this description was sent with, where its templates show them.
pub(super) fn sent_with(spec: &RequestSpec, request: &Request) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match_text(&spec.path, &request.path, &mut found);
    for (name, template) in &spec.headers {
        if let Some((_, value)) = request.headers.iter().find(|(sent, _)| sent == name) {
            match_text(template, value, &mut found);
        }
    }
    if let Some(template) = &spec.body {
        match_text(template, &String::from_utf8_lossy(&request.body), &mut found);
    }
    if let (Some(template), Ok(sent)) = (&spec.json, serde_json::from_slice(&request.body)) {
        match_json(template, &sent, &mut found);
    }
    found.retain(|name, _| OWN.contains(&name.as_str()));
    // Two spellings of one number.
    for (one, other) in [("n", "number"), ("number", "n")] {
        if let Some(number) = found.get(one).cloned() {
            found.entry(other.to_owned()).or_insert(number);
        }
    }
    found
}

/// The values of the names of a template in a text that was made of it; each ends where the template's next text begins.
fn match_text(template: &str, text: &str, found: &mut BTreeMap<String, String>) {
    let pieces = template::pieces(template, template::is_name);
    let mut rest = text;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => match rest.strip_prefix(text) {
                Some(after) => rest = after,
                None => return,
            },
            Piece::Name(name) => {
                let end = match pieces.get(at + 1) {
                    Some(Piece::Text(next)) => rest.find(next),
                    Some(Piece::Name(_)) => None,
                    None => Some(rest.len()),
                };
                let Some(end) = end else { return };
                found.insert((*name).to_owned(), rest[..end].to_owned());
                rest = &rest[end..];
            }
        }
    }
}

fn match_json(template: &serde_json::Value, sent: &serde_json::Value, found: &mut BTreeMap<String, String>) {
    use serde_json::Value;
    match (template, sent) {
        (Value::String(template), Value::String(text)) => match_text(template, text, found),
        (Value::Array(templates), Value::Array(items)) => {
            templates.iter().zip(items).for_each(|(template, item)| match_json(template, item, found));
        }
        (Value::Object(templates), Value::Object(fields)) => {
            for (name, template) in templates {
                if let Some(field) = fields.get(name) {
                    match_json(template, field, found);
                }
            }
        }
        _ => {}
    }
}

/// Returns 122 random bits or more, in the shape of a UUID (version 4), as many services insist on one.
fn fresh_key() -> String {
    // Each RandomState is keyed by the operating system's randomness; the counter makes a collision impossible in this process.
    let word = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
        hasher.write_u32(std::process::id());
        hasher.finish()
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&word().to_be_bytes());
    bytes[8..].copy_from_slice(&word().to_be_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn json(template: &serde_json::Value, value: &impl Fn(&str) -> Option<String>) -> serde_json::Value {
    use serde_json::Value;
    match template {
        Value::String(template) => Value::String(template::fill(template, value)),
        Value::Array(items) => items.iter().map(|item| json(item, value)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), json(field, value))).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn spec() -> RequestSpec {
        RequestSpec {
            method: "post".to_owned(),
            path: "/v1/accounts/{account}/x{unknown}".to_owned(),
            headers: [("Idempotency-Key".to_owned(), "{key}".to_owned())].into(),
            json: Some(serde_json::json!({ "from": ["{account}"], "note": "number {n}", "{": 1 })),
            ..RequestSpec::default()
        }
    }

    #[test]
    fn saved_names_are_filled_in_everywhere_and_unknown_ones_stay() {
        let request = fill(&spec(), &[("account".to_owned(), "a1".to_owned())].into());
        assert_eq!((request.method, request.path.as_str()), (Method::POST, "/v1/accounts/a1/x{unknown}"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["from"][0], "a1");
        assert_eq!(body["{"], 1);
    }

    #[test]
    fn every_request_gets_a_key_and_a_number_of_its_own() {
        let one = fill(&spec(), &BTreeMap::new());
        let two = fill(&spec(), &BTreeMap::new());
        assert_ne!(one.headers[0], two.headers[0]);
        assert_ne!(one.body, two.body);
        assert_eq!(one.headers[0].1.len(), 36);
    }

    #[test]
    fn the_key_and_the_number_that_were_sent_are_found_again() {
        for place in [
            RequestSpec { path: "/files/{key}.txt?n={n}".to_owned(), ..RequestSpec::default() },
            RequestSpec { headers: [("If-None-Match".to_owned(), "k {key}/{n}".to_owned())].into(), ..spec() },
            RequestSpec { json: Some(serde_json::json!({ "a": ["{n}", { "b": "{key}" }] })), ..spec() },
            RequestSpec { json: None, body: Some("a={n}&b={key}".to_owned()), ..spec() },
        ] {
            let sent = fill(&place, &[("account".to_owned(), "a1".to_owned())].into());
            let found = sent_with(&place, &sent);
            let again = fill_as(&place, &[("account".to_owned(), "a1".to_owned())].into(), &found);
            assert_eq!((sent.path, sent.headers, sent.body), (again.path, again.headers, again.body), "{place:?}");
            assert_eq!(found["key"].len(), 36);
        }
        assert!(sent_with(&RequestSpec::default(), &Request::get("/")).is_empty());
    }

    #[test]
    fn a_template_without_names_is_left_alone() {
        let value = |_: &str| None;
        for plain in ["", "{", "}", "a{b", "{{}}", "{\"a\":1}"] {
            assert_eq!(template::fill(plain, value), plain);
        }
    }
}
