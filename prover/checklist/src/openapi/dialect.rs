//! Schemas as JSON Schema 2020-12 reads them, from those of OpenAPI 3.0, and for what a response may leave out.

use serde_json::{Map, Value};

/// Rewrites every schema of OpenAPI 3.0 below this value (OpenAPI 3.0.3, "Schema Object").
pub(super) fn from_3_0(value: &mut Value) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                schema_of_3_0(members);
                left.extend(members.values_mut());
            }
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
}

fn schema_of_3_0(members: &mut Map<String, Value>) {
    // What stands beside a reference is ignored there.
    if members.get("$ref").is_some_and(Value::is_string) {
        members.retain(|name, _| name == "$ref");
        return;
    }
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match members.get(flag) {
            Some(Value::Bool(true)) => match members.remove(bound) {
                Some(number) => drop(members.insert(flag.to_owned(), number)),
                None => drop(members.remove(flag)),
            },
            Some(Value::Bool(false)) => drop(members.remove(flag)),
            _ => {}
        }
    }
    if members.get("nullable") == Some(&Value::Bool(true)) && members.contains_key("type") {
        members.remove("nullable");
        if let Some(Value::Array(values)) = members.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
        if let Some(Value::String(name)) = members.get("type").cloned() {
            members.insert("type".to_owned(), Value::Array(vec![Value::String(name), "null".into()]));
        }
    }
}

/// Takes from `required` what a response must not have: properties that are `writeOnly`.
pub(super) fn for_responses(members: &mut Map<String, Value>) {
    let written: Vec<String> = members
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, property)| property.get("writeOnly") == Some(&Value::Bool(true)))
        .map(|(name, _)| name.clone())
        .collect();
    if let Some(Value::Array(required)) = members.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !written.iter().any(|other| other == name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_of_3_0_become_those_of_3_1() {
        for (old, new) in [
            (json!({ "type": "string", "nullable": true }), json!({ "type": ["string", "null"] })),
            (
                json!({ "type": "string", "enum": ["a"], "nullable": true }),
                json!({ "type": ["string", "null"], "enum": ["a", null] }),
            ),
            (json!({ "minimum": 1, "exclusiveMinimum": true }), json!({ "exclusiveMinimum": 1 })),
            (json!({ "maximum": 1, "exclusiveMaximum": false }), json!({ "maximum": 1 })),
            (json!({ "$ref": "#/x", "required": ["a"] }), json!({ "$ref": "#/x" })),
            (
                json!({ "properties": { "a": { "type": "integer", "nullable": true } } }),
                json!({ "properties": { "a": { "type": ["integer", "null"] } } }),
            ),
        ] {
            let mut value = old.clone();
            from_3_0(&mut value);
            assert_eq!(value, new, "{old}");
        }
    }

    #[test]
    fn a_response_need_not_have_what_is_only_written() {
        let mut schema =
            json!({ "required": ["id", "password"], "properties": { "id": {}, "password": { "writeOnly": true } } });
        for_responses(schema.as_object_mut().expect("an object"));
        assert_eq!(schema["required"], json!(["id"]));
    }
}
