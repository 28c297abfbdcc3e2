//! Requests made from the document: right ones, and ones that are wrong in one way. The same every time.

use http::Method;
use keel_wire::http::Request;
use serde_json::{Map, Value, json};

use crate::openapi::{Document, Operation};

/// Seed of the generator: findings must be the same tomorrow.
const SEED: u64 = 0x6b65_656c;
/// Maximum depth of a generated value.
const DEPTH: usize = 5;
/// Stands where a value is needed and none is known.
const MADE_UP: &str = "keel-generated";
/// Of one operation, how many requests with wrong parameters.
const PARAMETERS: usize = 8;

/// One request to be sent.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// Of which operation.
    pub(super) operation: Operation<'a>,
    /// The mistake in it.
    pub(super) what: String,
    /// The request.
    pub(super) request: Request,
}

/// Gives a request for an operation that is right, with a fresh key, when one is known.
pub(super) type Known<'k> = dyn Fn(&Operation<'_>) -> Option<Request> + 'k;

/// At most `most` requests, spread evenly over the operations. Of known requests headers and path are kept.
pub(super) fn cases<'a>(document: &'a Document, known: &Known<'_>, most: usize) -> Vec<Case<'a>> {
    let mut random = Random(SEED);
    let mut queues: Vec<Vec<Case<'a>>> = Vec::new();
    for operation in document.operations() {
        // DELETE takes away what other requests need, and HEAD, OPTIONS and TRACE take no input.
        if !["get", "post", "put", "patch"].contains(&operation.method) {
            continue;
        }
        let mut queue = with_parameters(document, &operation, known);
        if let Some(schema) = operation.json_body(document) {
            queue.extend(with_bodies(document, &operation, known, schema, &mut random));
        }
        queue.reverse();
        queues.push(queue);
    }
    let mut cases = Vec::new();
    while cases.len() < most && queues.iter().any(|queue| !queue.is_empty()) {
        cases.extend(queues.iter_mut().filter_map(Vec::pop));
    }
    cases.truncate(most);
    for (n, case) in cases.iter_mut().enumerate() {
        // One key for all would make a service refuse all but the first.
        for (_, value) in case.request.headers.iter_mut().filter(|(_, value)| value == MADE_UP) {
            value.push_str(&format!("-{n}"));
        }
    }
    cases
}

/// A request for the operation: the known one, or one made up.
fn request(document: &Document, operation: &Operation<'_>, known: &Known<'_>) -> Request {
    if let Some(known) = known(operation) {
        return known;
    }
    let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap_or(Method::GET);
    let mut request = Request::new(method, document.path(operation, &filled(operation.template, MADE_UP)));
    for parameter in operation.parameters(document).iter().filter(|parameter| parameter.required) {
        match parameter.place {
            "header" => request = request.header(parameter.name, MADE_UP),
            "query" => request.path = with_query(&request.path, parameter.name, "1"),
            _ => {}
        }
    }
    request
}

/// A template with the same value in all its places.
fn filled(template: &str, value: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push_str(value);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    path + rest
}

fn with_query(path: &str, name: &str, value: &str) -> String {
    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{name}={value}")
}

/// Wrong values in the path and in the query.
fn with_parameters<'a>(document: &'a Document, operation: &Operation<'a>, known: &Known<'_>) -> Vec<Case<'a>> {
    let long = "9".repeat(2_000);
    let mut cases = Vec::new();
    let case = |what: String, path: String| {
        let request = Request { path, ..request(document, operation, known) };
        Case { operation: operation.clone(), what, request }
    };
    if operation.template.contains('{') {
        for (value, what) in [
            ("-1", "a negative path parameter"),
            ("%00", "a zero byte in the path"),
            ("%F0%9F%92%A5", "an emoji in the path"),
            (&long, "a long path parameter"),
        ] {
            cases.push(case(what.to_owned(), document.path(operation, &filled(operation.template, value))));
        }
    }
    for parameter in operation.parameters(document).iter().filter(|parameter| parameter.place == "query") {
        for value in ["", "-1", "keel", "99999999999999999999999", "\0", "\u{1F4A5}", "[]", &long] {
            let short: String = value.chars().take(30).collect();
            let path = with_query(&request(document, operation, known).path, parameter.name, value);
            cases.push(case(format!("{short:?} as {}", parameter.name), path));
        }
    }
    cases.truncate(PARAMETERS);
    cases
}

/// A right body, and bodies that are wrong.
fn with_bodies<'a>(
    document: &'a Document,
    operation: &Operation<'a>,
    known: &Known<'_>,
    schema: &Value,
    random: &mut Random,
) -> Vec<Case<'a>> {
    let made = generate(document, schema, random, 0);
    let right = known(operation).and_then(|known| serde_json::from_slice(&known.body).ok()).unwrap_or(made.clone());
    let mut bodies: Vec<(String, String)> = vec![
        ("a generated body".into(), made.to_string()),
        ("an empty body".into(), String::new()),
        ("half a body".into(), right.to_string().chars().take(right.to_string().len() / 2).collect()),
        ("null as body".into(), "null".into()),
        ("an array as body".into(), "[]".into()),
        ("a number as body".into(), "1e400".into()),
        ("a body of bytes that are no text".into(), "\u{FFFD}".into()),
        ("an empty object".into(), "{}".into()),
    ];
    for (name, old) in right.as_object().into_iter().flatten() {
        let mut without = right.clone();
        if let Some(members) = without.as_object_mut() {
            members.remove(name);
        }
        bodies.push((format!("a body without {name}"), without.to_string()));
        for (new, what) in wrong_for(old) {
            let mut changed = right.clone();
            changed[name] = new;
            bodies.push((format!("{what} as {name}"), changed.to_string()));
        }
    }
    for _ in 0..4 {
        bodies.push(("a generated body".into(), generate(document, schema, random, 0).to_string()));
    }
    bodies
        .into_iter()
        .map(|(what, text)| {
            let mut request = request(document, operation, known).body(text);
            if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("Content-Type", "application/json");
            }
            Case { operation: operation.clone(), what, request }
        })
        .collect()
}

/// Values of other types, and extreme ones of the same.
fn wrong_for(old: &Value) -> Vec<(Value, &'static str)> {
    let all = [
        (Value::Null, "null"),
        (json!(true), "true"),
        (json!("keel"), "a text"),
        (json!([]), "an array"),
        (json!({}), "an object"),
        (json!(-1), "-1"),
        (json!(0.5), "0.5"),
        (json!(i64::MAX), "the largest integer of 64 bits"),
        (json!(u64::MAX), "the largest unsigned integer of 64 bits"),
        (json!(1e300), "1e300"),
        (json!(""), "an empty text"),
        (json!("\0"), "a zero byte"),
        (json!("a".repeat(10_000)), "a text of 10000 letters"),
        (json!("\u{202E}\u{1F4A5}'\"<script>"), "a text of odd letters"),
    ];
    all.into_iter().filter(|(new, _)| new != old).collect()
}

/// A value as the schema says.
fn generate(document: &Document, schema: &Value, random: &mut Random, depth: usize) -> Value {
    let schema = document.resolve(schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
        return values[random.below(values.len())].clone();
    }
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    for name in ["oneOf", "anyOf"] {
        if let Some(list) = schema.get(name).and_then(Value::as_array).filter(|list| !list.is_empty()) {
            return generate(document, &list[random.below(list.len())], random, depth + 1);
        }
    }
    if depth > DEPTH {
        return Value::Null;
    }
    let declared = schema.get("type");
    let kind = declared.and_then(Value::as_str).or_else(|| declared?.as_array()?.first()?.as_str());
    let number = |name: &str| schema.get(name).and_then(Value::as_i64);
    match kind {
        Some("integer" | "number") => {
            let least = number("minimum").unwrap_or(0);
            let most = number("maximum").unwrap_or(least.saturating_add(1_000)).max(least);
            let width = usize::try_from(most.saturating_sub(least)).unwrap_or(usize::MAX).saturating_add(1);
            json!(least.saturating_add(i64::try_from(random.below(width)).unwrap_or(0)))
        }
        Some("string") => {
            let least = usize::try_from(number("minLength").unwrap_or(1)).unwrap_or(1).min(1_000);
            let most = usize::try_from(number("maxLength").unwrap_or(12)).unwrap_or(12).clamp(least, least + 20);
            let length = least + random.below(most - least + 1);
            Value::String((0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect())
        }
        Some("boolean") => json!(random.below(2) == 0),
        Some("array") => {
            let items = schema.get("items").cloned().unwrap_or(json!({ "type": "string" }));
            (0..random.below(3)).map(|_| generate(document, &items, random, depth + 1)).collect()
        }
        Some("null") => Value::Null,
        _ => {
            let mut members = Map::new();
            for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                if let Value::Object(more) = generate(document, part, random, depth + 1) {
                    members.extend(more);
                }
            }
            for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                members.insert(name.clone(), generate(document, inner, random, depth + 1));
            }
            Value::Object(members)
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    /// A number below `bound`, which is not zero.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes::border::openapi::schema;

    fn document() -> Document {
        let text = json!({
            "openapi": "3.1.0", "info": { "title": "t", "version": "1" },
            "paths": { "/things/{id}": { "put": { "requestBody": { "content": { "application/json": { "schema": {
                "type": "object", "required": ["name", "size"],
                "properties": {
                    "name": { "type": "string", "minLength": 2, "maxLength": 9 },
                    "size": { "type": "integer", "minimum": 1, "maximum": 5 },
                    "kind": { "enum": ["a", "b"] },
                }
            } } } } } } },
        });
        Document::parse(text.to_string().as_bytes(), "/openapi.json").expect("it is a document")
    }

    #[test]
    fn generated_values_match_their_schema() {
        let document = document();
        let operation = &document.operations()[0];
        let body = operation.json_body(&document).expect("it takes a body");
        let mut random = Random(SEED);
        for _ in 0..100 {
            let value = generate(&document, body, &mut random, 0);
            assert_eq!(schema::validate(&document, body, &value), Ok(()), "{value}");
        }
    }

    #[test]
    fn cases_are_the_same_every_time_and_bounded() {
        let document = document();
        let told = |most| -> Vec<String> {
            cases(&document, &|_| None, most).iter().map(|case| format!("{:?}", case.request)).collect()
        };
        assert_eq!(told(200), told(200));
        assert_eq!(told(7).len(), 7);
    }
}
