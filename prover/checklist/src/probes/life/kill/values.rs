//! The plain values of a request, of an answer and of what is read back, by their place.

use std::collections::BTreeMap;

use keel_wire::http::{Exchange, Request};
use serde_json::Value;

/// Plain values as text, by their place.
pub(super) type Values = BTreeMap<String, String>;

/// Returns the values of a request, by their place in the body: of JSON, of a form, or all of a text.
pub(super) fn asked(request: &Request) -> Values {
    let kind = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if kind.is_some_and(|(_, kind)| kind.starts_with("application/x-www-form-urlencoded")) {
        return url::form_urlencoded::parse(&request.body).map(|(name, value)| (name.into(), value.into())).collect();
    }
    of_body(&request.body)
}

/// Returns the values of an answer, by their place.
pub(super) fn answered(exchange: &Exchange) -> Values {
    exchange.answer().map(|answer| of_body(&answer.body)).unwrap_or_default()
}

fn of_body(body: &[u8]) -> Values {
    let mut values = Values::new();
    match serde_json::from_slice(body) {
        Ok(json) => collect(&json, String::new(), &mut values),
        Err(_) => {
            values.insert(String::new(), String::from_utf8_lossy(body).into_owned());
        }
    }
    values.retain(|_, value| !value.is_empty());
    values
}

fn collect(value: &Value, place: String, values: &mut Values) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(field, if place.is_empty() { name.clone() } else { format!("{place}/{name}") }, values);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, if place.is_empty() { number.to_string() } else { format!("{place}/{number}") }, values);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            values.insert(place, text.clone());
        }
        plain => {
            values.insert(place, plain.to_string());
        }
    }
}

/// The numbers of a document, and the lengths of its lists (`items (length)`), by their place.
pub(super) fn numbers(exchange: &Exchange) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::new();
    if let Some(json) = exchange.answer().and_then(keel_wire::http::Answer::json) {
        count(&json, String::new(), &mut numbers);
    }
    numbers
}

fn count(value: &Value, place: String, numbers: &mut BTreeMap<String, f64>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                count(field, if place.is_empty() { name.clone() } else { format!("{place}/{name}") }, numbers);
            }
        }
        Value::Array(items) => {
            numbers.insert(format!("{place} (length)"), items.len() as f64);
        }
        Value::Number(number) => {
            numbers.extend(number.as_f64().map(|number| (place, number)));
        }
        // Sums of money are often told as text.
        Value::String(text) => {
            numbers.extend(text.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| (place, number)));
        }
        Value::Null | Value::Bool(_) => {}
    }
}
