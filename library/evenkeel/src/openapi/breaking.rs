//! Changes of an OpenAPI document that break callers of the one before.
//!
//! A request that the old document allows must be allowed by the new one, and an answer that the new document allows must have been allowed by the old
//! one: Postel's direction of each schema is in [`Direction`]. Words (descriptions, titles, examples) break nothing.

use serde_json::{Map, Value as Json};

use super::schemas::{Direction, Schemas, resolved};

/// The methods of a path item.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Lists the changes that break callers, each with its operation, in the order of the old document.
pub(super) fn changes(old: &Json, new: &Json) -> Vec<String> {
    let schemas = Schemas { old, new };
    let mut found = Vec::new();
    for (path, item) in object(&old["paths"]) {
        for method in METHODS {
            let Some(before) = item.get(method) else { continue };
            let name = format!("{} {path}", method.to_ascii_uppercase());
            match new["paths"][path].get(method) {
                None => found.push(format!("{name} is gone")),
                Some(after) => {
                    let mut of_operation = Vec::new();
                    parameters(before, after, schemas, &mut of_operation);
                    body(before, after, schemas, &mut of_operation);
                    answers(before, after, schemas, &mut of_operation);
                    found.extend(of_operation.into_iter().map(|change| format!("{name}: {change}")));
                }
            }
        }
    }
    found
}

fn parameters(before: &Json, after: &Json, schemas: Schemas<'_>, found: &mut Vec<String>) {
    let all = |operation: &Json, document: &Json| -> Vec<(String, Json)> {
        let list = operation["parameters"].as_array().cloned().unwrap_or_default();
        list.iter().map(|one| resolved(one, document).clone()).map(|one| (key(&one), one)).collect()
    };
    let (old, new) = (all(before, schemas.old), all(after, schemas.new));
    for (key, was) in &old {
        match new.iter().find(|(other, _)| other == key) {
            None => found.push(format!("the parameter {key} is gone")),
            Some((_, is)) => {
                if is["required"] == true && was["required"] != true {
                    found.push(format!("the parameter {key} is now required"));
                }
                schemas.compare(
                    &was["schema"],
                    &is["schema"],
                    Direction::Request,
                    &format!("the parameter {key}"),
                    found,
                );
            }
        }
    }
    for (key, is) in &new {
        if is["required"] == true && !old.iter().any(|(other, _)| other == key) {
            found.push(format!("the parameter {key} is new and required"));
        }
    }
}

/// The place and the name of a parameter; the names of headers have no case.
fn key(parameter: &Json) -> String {
    let (place, name) = (parameter["in"].as_str().unwrap_or_default(), parameter["name"].as_str().unwrap_or_default());
    let name = if place == "header" { name.to_ascii_lowercase() } else { name.to_owned() };
    format!("{name} ({place})")
}

fn body(before: &Json, after: &Json, schemas: Schemas<'_>, found: &mut Vec<String>) {
    let (was, is) = (resolved(&before["requestBody"], schemas.old), resolved(&after["requestBody"], schemas.new));
    match (was.is_null(), is.is_null()) {
        (true, true) => {}
        (true, false) if is["required"] == true => found.push("a body is now required".to_owned()),
        (true, false) => {}
        (false, true) => found.push("it takes no body any more".to_owned()),
        (false, false) => {
            if is["required"] == true && was["required"] != true {
                found.push("the body is now required".to_owned());
            }
            contents(&was["content"], &is["content"], Direction::Request, "the body", schemas, found);
        }
    }
}

fn answers(before: &Json, after: &Json, schemas: Schemas<'_>, found: &mut Vec<String>) {
    for (status, was) in object(&before["responses"]) {
        // Errors come and go with what can fail; callers handle each of them by its class.
        if !status.starts_with('2') {
            continue;
        }
        let was = resolved(was, schemas.old);
        match after["responses"].get(status) {
            None => found.push(format!("the answer {status} is gone")),
            Some(is) => {
                let is = resolved(is, schemas.new);
                let place = format!("the answer {status}");
                contents(&was["content"], &is["content"], Direction::Answer, &place, schemas, found);
            }
        }
    }
}

fn contents(was: &Json, is: &Json, direction: Direction, place: &str, schemas: Schemas<'_>, found: &mut Vec<String>) {
    for (kind, before) in object(was) {
        match is.get(kind) {
            None => found.push(format!("{place} is not {kind} any more")),
            Some(after) => schemas.compare(&before["schema"], &after["schema"], direction, place, found),
        }
    }
}

fn object(value: &Json) -> impl Iterator<Item = (&String, &Json)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Json {
        json!({
            "paths": { "/things": { "post": {
                "parameters": [{ "name": "X-Key", "in": "header", "schema": { "type": "string" } }],
                "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/New" } } } },
                "responses": {
                    "201": { "description": "made", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
                    "409": { "description": "there is one" },
                },
            } } },
            "components": { "schemas": {
                "New": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string", "maxLength": 10 }, "color": { "type": "string", "enum": ["red", "blue"] } } },
                "Thing": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" }, "parent": { "$ref": "#/components/schemas/Thing" } } },
            } },
        })
    }

    /// The changes that break, after a change at this pointer.
    fn after(pointer: &str, value: Json) -> Vec<String> {
        let mut new = document();
        *new.pointer_mut(pointer).expect("the pointer leads somewhere") = value;
        changes(&document(), &new)
    }

    const POST: &str = "/paths/~1things/post";

    #[test]
    fn the_same_document_and_one_with_additions_break_nothing() {
        assert!(changes(&document(), &document()).is_empty());
        let mut new = document();
        new["paths"]["/others"] = new["paths"]["/things"].clone();
        new["paths"]["/things"]["post"]["description"] = json!("Makes a thing");
        new["paths"]["/things"]["post"]["responses"]["410"] = json!({ "description": "gone" });
        new["components"]["schemas"]["Thing"]["properties"]["color"] = json!({ "type": "string" });
        new["components"]["schemas"]["New"]["properties"]["size"] = json!({ "type": "integer" });
        new["components"]["schemas"]["New"]["properties"]["name"]["maxLength"] = json!(20);
        assert_eq!(changes(&document(), &new), Vec::<String>::new());
    }

    #[test]
    fn operations_parameters_and_answers_that_are_gone_break_callers() {
        assert_eq!(after("/paths", json!({})), ["POST /things is gone"]);
        assert_eq!(
            after(&format!("{POST}/parameters"), json!([])),
            ["POST /things: the parameter x-key (header) is gone"]
        );
        let found = after(&format!("{POST}/responses"), json!({ "200": { "description": "made" } }));
        assert_eq!(found, ["POST /things: the answer 201 is gone"]);
        let body = after(&format!("{POST}/requestBody/content"), json!({ "text/plain": {} }));
        assert_eq!(body, ["POST /things: the body is not application/json any more"]);
        let none = after(&format!("{POST}/requestBody"), Json::Null);
        assert_eq!(none, ["POST /things: it takes no body any more"]);
    }

    #[test]
    fn demands_that_are_new_break_callers() {
        let key = json!([{ "name": "x-key", "in": "header", "required": true, "schema": { "type": "string" } }]);
        let found = after(&format!("{POST}/parameters"), key);
        assert_eq!(found, ["POST /things: the parameter x-key (header) is now required"]);
        let page = json!([{ "name": "X-Key", "in": "header", "schema": { "type": "string" } }, { "name": "page", "in": "query", "required": true }]);
        let found = after(&format!("{POST}/parameters"), page);
        assert_eq!(found, ["POST /things: the parameter page (query) is new and required"]);
        let found = after("/components/schemas/New/required", json!(["name", "color"]));
        assert_eq!(found, ["POST /things: the body: color is now required"]);
    }

    #[test]
    fn fields_that_callers_read_may_not_go() {
        let found = after("/components/schemas/Thing/required", json!([]));
        assert_eq!(found, ["POST /things: the answer 201: id may now be missing"]);
        let found = after("/components/schemas/Thing/properties/id/type", json!("integer"));
        assert_eq!(found, ["POST /things: the answer 201: id: the type was string and is integer"]);
    }
}
