//! Validation of a JSON value by its schema: JSON Schema 2020-12, by the crate jsonschema.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError};
use serde_json::Value;

use crate::openapi::Document;

/// The most characters of a fault that are shown.
const SHOWN: usize = 200;

/// Checks a value. `format` is checked too; references are followed within the document, those that lead elsewhere are not read.
///
/// # Errors
/// Where it first differs, as a JSON pointer, and how; or why the schema itself cannot be read.
pub(super) fn validate(document: &Document, schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&document.rooted(schema))
        .map_err(|error| format!("the schema cannot be read: {}", shortened(&error.to_string())))?;
    validator.validate(value).map_err(|error| fault(&error))
}

fn fault(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().as_str();
    let place = if place.is_empty() { "/" } else { place };
    let what = match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(one) } => {
            format!("{} instead of {one}", kind(error.instance()))
        }
        ValidationErrorKind::Type { kind: TypeKind::Multiple(many) } => {
            let names: Vec<String> = many.into_iter().map(|one| one.to_string()).collect();
            format!("{} instead of {}", kind(error.instance()), names.join(" or "))
        }
        _ => shortened(&error.to_string()),
    };
    format!("at {place}: {what}")
}

/// The name of a value's type.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
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
            }, "Itself": { "$ref": "#/components/schemas/Itself" },
            "Either": { "anyOf": [{ "$ref": "#/components/schemas/Either" }, { "type": "null" }] },
            "Not": { "not": { "$ref": "#/components/schemas/Not" } },
            "One": { "allOf": [{ "$ref": "#/components/schemas/Other" }] },
            "Other": { "oneOf": [{ "$ref": "#/components/schemas/One" }] } } },
        });
        let document = Document::parse(text.to_string().as_bytes(), "/openapi.json").expect("it is a document");
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

    /// For each keyword a schema, a value that is as it says, and one that is not.
    #[test]
    fn every_keyword_of_json_schema_is_checked() {
        for (schema, right, wrong) in [
            (json!({ "pattern": "^[a-z]+$" }), json!("abc"), json!("ABC")),
            (json!({ "pattern": "^(?!x)" }), json!("abc"), json!("xyz")),
            (json!({ "format": "date-time" }), json!("2026-11-29T10:00:00Z"), json!("yesterday")),
            (json!({ "format": "uuid" }), json!("018f4a3e-0000-7000-8000-000000000000"), json!("17")),
            (json!({ "multipleOf": 5 }), json!(10), json!(11)),
            (json!({ "uniqueItems": true }), json!([1, 2]), json!([1, 1])),
            (json!({ "not": { "type": "null" } }), json!(1), json!(null)),
            (json!({ "if": { "type": "string" }, "then": { "minLength": 2 } }), json!("ab"), json!("a")),
            (json!({ "if": { "type": "string" }, "else": { "minimum": 2 } }), json!(2), json!(1)),
            (json!({ "prefixItems": [{ "type": "string" }], "items": false }), json!(["a"]), json!(["a", 1])),
            (json!({ "prefixItems": [{ "type": "string" }] }), json!(["a", 1]), json!([1])),
            (
                json!({ "patternProperties": { "^n_": { "type": "number" } } }),
                json!({ "n_a": 1 }),
                json!({ "n_a": "1" }),
            ),
            (json!({ "contains": { "const": 1 } }), json!([0, 1]), json!([0])),
            (json!({ "dependentRequired": { "a": ["b"] } }), json!({ "a": 1, "b": 1 }), json!({ "a": 1 })),
            (json!({ "propertyNames": { "maxLength": 1 } }), json!({ "a": 1 }), json!({ "ab": 1 })),
            (
                json!({ "properties": { "a": {} }, "unevaluatedProperties": false }),
                json!({ "a": 1 }),
                json!({ "b": 1 }),
            ),
            (json!({ "oneOf": [{ "minimum": 1 }, { "minimum": 5 }] }), json!(2), json!(6)),
        ] {
            assert_eq!(fault(schema.clone(), right), None, "{schema}");
            assert!(fault(schema.clone(), wrong.clone()).is_some(), "{schema} takes {wrong}");
        }
    }

    #[test]
    fn keywords_beside_a_reference_are_checked() {
        let tree = json!({ "$ref": "#/components/schemas/Tree", "required": ["left"] });
        assert!(fault(tree, json!({ "name": "a" })).is_some());
    }

    #[test]
    fn references_that_cannot_be_followed_are_left_out_and_the_rest_is_checked() {
        for reference in ["#/components/schemas/Gone", "https://example.org/schema.json", "#", "#Tree"] {
            let schema = json!({ "properties": { "a": { "$ref": reference }, "b": { "type": "string" } } });
            assert_eq!(fault(schema.clone(), json!({ "a": 1, "b": "x" })), None, "{reference}");
            assert!(fault(schema, json!({ "a": 1, "b": 1 })).is_some(), "{reference}");
        }
    }

    #[test]
    fn references_in_a_circle_end() {
        for name in ["Itself", "Either", "Not", "One"] {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            // Whatever it says of it: it says it.
            let _ = fault(schema, json!({ "name": 1 }));
        }
    }

    #[test]
    fn a_schema_that_cannot_be_read_is_a_fault() {
        let told = fault(json!({ "type": "strng" }), json!("a")).unwrap();
        assert!(told.starts_with("the schema cannot be read: "), "{told}");
        assert!(fault(json!({ "pattern": "(" }), json!("a")).is_some());
    }
}
