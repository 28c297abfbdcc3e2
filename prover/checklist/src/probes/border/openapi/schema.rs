//! Whether a JSON value is as its schema says: the part of JSON Schema 2020-12 that API documents use.
//!
//! Keywords that are not known here are taken as kept, so that what is called a fault is one.

use serde_json::Value;

use super::document::Document;

/// How deep a value or a schema may go before it is no longer looked at.
const DEPTH: usize = 32;

/// Checks a value.
///
/// # Errors
/// Where it first differs, as a JSON pointer, and how.
pub(super) fn validate(document: &Document, schema: &Value, value: &Value) -> Result<(), String> {
    check(document, schema, value, "", 0)
}

fn check(document: &Document, schema: &Value, value: &Value, at: &str, depth: usize) -> Result<(), String> {
    if depth > DEPTH || *schema == Value::Bool(true) {
        return Ok(());
    }
    let fault = |what: String| Err(format!("at {}: {what}", if at.is_empty() { "/" } else { at }));
    if *schema == Value::Bool(false) {
        return fault("nothing is allowed here".into());
    }
    let target = document.resolve(schema);
    if !std::ptr::eq(target, schema) {
        // Keywords beside $ref hold as well (2020-12), but only the target is looked at: it says the most.
        return check(document, target, value, at, depth + 1);
    }
    if let Some(types) = schema.get("type") {
        let allowed: Vec<&str> = match types {
            Value::String(one) => vec![one.as_str()],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !allowed.is_empty() && !allowed.iter().any(|name| is(value, name)) {
            return fault(format!("{} instead of {}", kind(value), allowed.join(" or ")));
        }
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.contains(value)) {
        return fault(format!("{value} is none of the values"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return fault(format!("{value} is not the value"));
    }
    bounds(schema, value).or_else(fault)?;
    combined(document, schema, value, at, depth)?;
    match value {
        Value::Object(members) => {
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
            {
                if !members.contains_key(name) {
                    return fault(format!("no {name}"));
                }
            }
            let properties = schema.get("properties");
            for (name, member) in members {
                let inner = match properties.and_then(|properties| properties.get(name)) {
                    Some(inner) => inner,
                    None if schema.get("patternProperties").is_some() => continue,
                    None => match schema.get("additionalProperties") {
                        Some(Value::Bool(false)) => return fault(format!("{name} is not documented")),
                        Some(inner) => inner,
                        None => continue,
                    },
                };
                check(document, inner, member, &format!("{at}/{name}"), depth + 1)?;
            }
            Ok(())
        }
        Value::Array(items) if schema.get("prefixItems").is_none() => {
            let Some(inner) = schema.get("items") else { return Ok(()) };
            for (n, item) in items.iter().enumerate() {
                check(document, inner, item, &format!("{at}/{n}"), depth + 1)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `allOf`, `anyOf`, `oneOf`.
fn combined(document: &Document, schema: &Value, value: &Value, at: &str, depth: usize) -> Result<(), String> {
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    for inner in list("allOf").into_iter().flatten() {
        check(document, inner, value, at, depth + 1)?;
    }
    // That several of `oneOf` fit is the document's fault more often than the answer's; only none is judged.
    for name in ["anyOf", "oneOf"] {
        let Some(alternatives) = list(name) else { continue };
        let fitting = alternatives.iter().filter(|inner| check(document, inner, value, at, depth + 1).is_ok()).count();
        if fitting == 0 {
            return Err(format!("at {}: no alternative of {name} fits", if at.is_empty() { "/" } else { at }));
        }
    }
    Ok(())
}

/// Limits of numbers and lengths.
fn bounds(schema: &Value, value: &Value) -> Result<(), String> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let between = |figure: f64, least: &str, most: &str, what: &str| {
        if limit(least).is_some_and(|least| figure < least) || limit(most).is_some_and(|most| figure > most) {
            return Err(format!("{what} {figure} is out of bounds"));
        }
        Ok(())
    };
    match value {
        Value::Number(number) => between(number.as_f64().unwrap_or(0.0), "minimum", "maximum", "the number"),
        Value::String(text) => between(text.chars().count() as f64, "minLength", "maxLength", "the length"),
        Value::Array(items) => between(items.len() as f64, "minItems", "maxItems", "the count"),
        _ => Ok(()),
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => kind(value) == name,
    }
}

/// The name of a value's type.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(schema: Value, value: Value) -> Option<String> {
        let text = json!({
            "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": { "/": {} },
            "components": { "schemas": { "Tree": {
                "type": "object", "required": ["name"],
                "properties": { "name": { "type": "string" }, "left": { "$ref": "#/components/schemas/Tree" } }
            } } },
        });
        let document = Document::parse(text.to_string().as_bytes()).expect("it is a document");
        validate(&document, &schema, &value).err()
    }

    #[test]
    fn a_fault_is_found_behind_references() {
        let tree = json!({ "$ref": "#/components/schemas/Tree" });
        assert_eq!(fault(tree.clone(), json!({ "name": "a", "left": { "name": "b" } })), None);
        assert_eq!(
            fault(tree, json!({ "name": "a", "left": { "name": 1 } })).as_deref(),
            Some("at /left/name: number instead of string")
        );
    }

    #[test]
    fn types_values_and_bounds_are_checked() {
        assert!(fault(json!({ "type": ["string", "null"] }), json!(null)).is_none());
        assert!(fault(json!({ "type": "integer" }), json!(1.5)).is_some());
        assert!(fault(json!({ "enum": ["a"] }), json!("b")).is_some());
        assert!(fault(json!({ "type": "integer", "maximum": 3 }), json!(4)).is_some());
        assert!(fault(json!({ "additionalProperties": false }), json!({ "a": 1 })).is_some());
        assert!(fault(json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }), json!(1)).is_some());
    }
}
