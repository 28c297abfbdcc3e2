//! The judge of `border.openapi` on a document and answers without a server.

use keel_wire::http::Exchange;
use serde_json::json;

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, json, unanswered};

fn document() -> Document {
    let schema = json!({ "type": "object", "required": ["id"] });
    let text = json!({
        "openapi": "3.1.0", "info": { "title": "t", "version": "1" },
        "paths": { "/thing": { "get": {
            "security": [{ "key": [] }],
            "responses": {
                "200": { "description": "it", "content": { "application/json": { "schema": schema } } },
                "503": { "description": "later" },
            },
        } } },
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "k" } } },
    });
    Document::parse(text.to_string().as_bytes(), "/openapi.json").expect("it is a document")
}

fn fault(exchange: &Exchange) -> Option<String> {
    let document = document();
    faults(&document, &document.operations()[0], exchange)
}

#[test]
fn an_answer_must_be_documented_and_match_its_schema() {
    assert_eq!(fault(&json(200, &json!({ "id": 1 }))), None);
    assert!(fault(&json(200, &json!({}))).is_some_and(|fault| fault.contains("against the schema")));
    assert_eq!(fault(&json(201, &json!({}))).as_deref(), Some("201 is not documented"));
    assert_eq!(fault(&unanswered()).as_deref(), Some("no answer"));
}

#[test]
fn a_server_error_is_a_fault_unless_it_speaks_of_others_and_is_documented() {
    assert_eq!(fault(&answered(500, &[], "")).as_deref(), Some("answered 500"));
    assert_eq!(fault(&answered(503, &[], "")), None);
    assert_eq!(fault(&answered(504, &[], "")).as_deref(), Some("504 is not documented"));
}

#[test]
fn right_answers_hold_only_when_none_is_wrong_and_missing_credentials_are_a_gap() {
    let document = document();
    let bearings = |exchanges: &[Exchange]| {
        let mut tally = Tally::default();
        for exchange in exchanges {
            tally.judge(&document, &document.operations()[0], exchange, "");
        }
        tally.evidence("answers").iter().map(Evidence::bearing).collect::<Vec<_>>()
    };
    let (right, wrong) = (json(200, &json!({ "id": 1 })), answered(500, &[], ""));
    assert_eq!(bearings(std::slice::from_ref(&right)), [Bearing::For]);
    assert_eq!(bearings(&[right, wrong]), [Bearing::Against, Bearing::Figure]);
    assert_eq!(bearings(&[answered(401, &[], "")]), [Bearing::Gap]);
}
