//! Wrong forms of a body of JSON.

use serde_json::{Map, Value, json};

use super::shown::MARKUP;

/// One wrong form.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The mistake, for a person.
    pub(super) what: String,
    /// The field that has it.
    pub(super) field: Option<String>,
    pub(super) kind: Kind,
    pub(super) body: Vec<u8>,
}

/// The kind of a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The body is no JSON.
    Malformed,
    /// A number or a truth value is nonsense.
    Nonsense,
    /// A text is an object. A field that takes anything may take it.
    FreeForm,
    /// A text has markup in it: no mistake, unless the field has rules.
    Markup,
}

/// The wrong forms of a body, with at most so many fields.
pub(super) fn cases(body: &Map<String, Value>, fields: usize) -> Vec<Case> {
    let whole = Value::Object(body.clone()).to_string().into_bytes();
    let malformed =
        |what: &str, body: Vec<u8>| Case { what: what.to_owned(), field: None, kind: Kind::Malformed, body };
    let cut = whole[..whole.len().saturating_sub(1)].to_vec();
    let mut cases = vec![
        malformed("a body that is cut short", cut),
        malformed("a word behind its body", [&whole[..], b" keel"].concat()),
        malformed("a byte in its body that is no UTF-8", no_utf8(&whole)),
    ];
    for (name, value) in body.iter().take(fields) {
        let other = |value: Value, what: &str, kind: Kind| {
            let mut body = body.clone();
            body.insert(name.clone(), value);
            let body = Value::Object(body).to_string().into_bytes();
            Case { what: format!("{what} as {name}"), field: Some(name.clone()), kind, body }
        };
        match value {
            Value::Number(_) => cases.push(other(json!(MARKUP), "markup", Kind::Nonsense)),
            Value::Bool(_) => cases.push(other(json!("keel"), "a word", Kind::Nonsense)),
            Value::String(_) => {
                cases.push(other(json!({ "keel": true }), "an object", Kind::FreeForm));
                cases.push(other(json!(MARKUP), "markup", Kind::Markup));
            }
            Value::Array(_) | Value::Object(_) | Value::Null => {}
        }
    }
    cases
}

/// The body with a field more, whose name has a byte that UTF-8 never has.
fn no_utf8(whole: &[u8]) -> Vec<u8> {
    let open = whole.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
    let comma: &[u8] = if whole[open..].starts_with(b"}") { b"" } else { b"," };
    [&whole[..open], b"\"\xff\":1", comma, &whole[open..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_its_wrong_forms_and_all_other_fields_stay() {
        let body = json!({ "count": 7, "name": "a", "on": true, "tags": [] });
        let cases = cases(body.as_object().unwrap(), 3);
        let kinds: Vec<(Option<&str>, Kind)> = cases.iter().map(|case| (case.field.as_deref(), case.kind)).collect();
        let expected = [
            (None, Kind::Malformed),
            (None, Kind::Malformed),
            (None, Kind::Malformed),
            (Some("count"), Kind::Nonsense),
            (Some("name"), Kind::FreeForm),
            (Some("name"), Kind::Markup),
            (Some("on"), Kind::Nonsense),
        ];
        assert_eq!(kinds, expected);
        for case in &cases {
            let parsed = serde_json::from_slice::<Value>(&case.body);
            assert_eq!(parsed.is_err(), case.kind == Kind::Malformed, "{}", case.what);
            assert!(parsed.is_err() || parsed.unwrap()["tags"] == json!([]), "{}", case.what);
        }
        assert!(std::str::from_utf8(&cases[2].body).is_err());
    }
}
