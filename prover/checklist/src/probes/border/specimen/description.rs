//! The OpenAPI document of the things.

use serde_json::{Value, json};

use super::flaw::Flaw;

/// The document, or what the flaw leaves of it.
pub(super) fn document(flaw: Flaw) -> Value {
    let problem = json!({ "description": "a problem", "content": { "application/problem+json": {} } });
    let of = |schema: &str| {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        json!({ "description": schema, "content": { "application/json": { "schema": schema } } })
    };
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Things", "version": "1.0.0" },
        "paths": {
            "/things": {
                "get": {
                    "parameters": [
                        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1 } },
                        { "name": "cursor", "in": "query", "schema": { "type": "string" } },
                    ],
                    "responses": { "200": of("Page"), "400": problem },
                },
                "post": {
                    "parameters": [
                        { "name": "Idempotency-Key", "in": "header", "required": true, "schema": { "type": "string" } },
                    ],
                    "requestBody": { "required": true, "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/NewThing" },
                    } } },
                    "responses": { "201": of("Thing"), "4XX": problem },
                },
            },
            "/things/{id}": {
                "get": {
                    "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                    "responses": { "200": of("Thing"), "404": problem, "414": problem },
                },
            },
            "/slow": { "get": { "responses": { "504": problem } } },
            "/relay": { "get": { "responses": { "200": { "description": "relayed" }, "default": problem } } },
            "/large": { "get": { "responses": { "200": { "description": "large" } } } },
        },
        "components": { "schemas": {
            "NewThing": {
                "type": "object",
                "required": ["name", "size"],
                "additionalProperties": false,
                "properties": {
                    "name": { "type": "string", "minLength": 1, "maxLength": 100 },
                    "size": { "type": "integer", "minimum": 0, "maximum": 1000 },
                },
            },
            "Thing": {
                "type": "object",
                "required": ["id", "name", "size"],
                "properties": {
                    "id": { "type": "string", "minLength": 16 },
                    "name": { "type": "string" },
                    "size": { "type": "integer" },
                },
            },
            "Page": {
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } },
                    "next": { "type": ["string", "null"] },
                },
            },
        } },
    });
    if flaw == Flaw::Undocumented {
        let paths = document["paths"].as_object_mut().expect("the paths are an object");
        paths.remove("/things/{id}");
    }
    document
}
