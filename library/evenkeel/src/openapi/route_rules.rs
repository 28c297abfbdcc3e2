//! Declared rules of routes in the OpenAPI document.

use border::{Access, RouteRules};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Object;
use utoipa::openapi::{Deprecated, HeaderBuilder, OpenApi, RefOr, Required, Response};

use super::parameters::{IDEMPOTENCY_KEY, is_key, key_schema};
use super::problem::problem;

/// The extension with the rules of an operation.
const EXTENSION: &str = "x-route-rules";

/// Adds the rules of the declared routes to their operations: their answers, the header that they require, whether they are deprecated, and the rest
/// in the extension `x-route-rules`. A route without an operation adds nothing.
pub(super) fn declare(document: &mut OpenApi, rules: &[RouteRules]) {
    for rules in rules {
        let Some(item) = document.paths.paths.get_mut(rules.path()) else { continue };
        let operation = match rules.method() {
            "GET" => &mut item.get,
            "PUT" => &mut item.put,
            "POST" => &mut item.post,
            "DELETE" => &mut item.delete,
            "OPTIONS" => &mut item.options,
            "PATCH" => &mut item.patch,
            _ => continue,
        };
        if let Some(operation) = operation {
            add(operation, rules);
        }
    }
}

fn add(operation: &mut Operation, rules: &RouteRules) {
    let mut answer = |status: &str, why: String, change: fn(Response) -> Response| {
        let make = || RefOr::T(change(problem(status, &why)));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(make);
    };
    if rules.is_rate_limited() {
        answer("429", "Too many requests to this operation; try again after Retry-After".to_owned(), rated);
    }
    if rules.access() == Some(Access::Closed) {
        answer("401", "The caller has no identity; send a valid credential".to_owned(), |response| response);
    }
    if !rules.accepted().is_empty() {
        let why = format!("The body is not of one of these media types: {}", rules.accepted().join(", "));
        answer("415", why, |response| response);
    }
    if let Some(name) = rules.bulkhead_name() {
        let why = format!("Overloaded, or all places of {name} are taken; try again after Retry-After");
        answer("503", why, |response| response);
    }
    if rules.requires_idempotency_key() && !requires_key(operation) {
        operation.parameters.get_or_insert_default().push(RefOr::T(key()));
    }
    if rules.deprecation().is_some() {
        operation.deprecated = Some(Deprecated::True);
    }
    operation.extensions.get_or_insert_default().insert(EXTENSION.to_owned(), rules.document());
}

/// The headers of an answer to a request over its rate.
fn rated(mut response: Response) -> Response {
    for (name, text) in [
        ("Retry-After", "Seconds to wait before trying again"),
        ("RateLimit", "What is left of each limit"),
        ("RateLimit-Policy", "The limits of this operation"),
    ] {
        let described = HeaderBuilder::new().description(Some(text)).build();
        response.headers.entry(name.to_owned()).or_insert(RefOr::T(described));
    }
    response
}

fn requires_key(operation: &Operation) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => is_key(parameter),
        RefOr::Ref(_) => false,
    })
}

fn key() -> Parameter {
    ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some("Names the request: a repetition with the same key takes effect once"))
        .schema(Some(key_schema(Object::new())))
        .build()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use border::Deprecation;
    use resilience::rate_limit::RateRules;
    use serde_json::{Value as Json, json};
    use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder};
    use utoipa::openapi::{InfoBuilder, OpenApiBuilder};

    use crate::openapi::complete_with;

    use super::*;

    fn document(rules: &[RouteRules]) -> Json {
        let item = |method| PathItem::new(method, OperationBuilder::new().response("200", Response::new("Done")));
        let paths = PathsBuilder::new().path("/pay", item(HttpMethod::Post)).path("/see", item(HttpMethod::Get));
        let info = InfoBuilder::new().title("notes").build();
        let document = OpenApiBuilder::new().info(info).paths(paths.build()).build();
        serde_json::to_value(complete_with(document, rules)).expect("a document")
    }

    #[test]
    fn the_rules_of_a_route_are_in_its_operation_and_in_no_other() {
        let rate = RateRules::default().rate(5).per(Duration::from_secs(10)).burst(7);
        let rules = RouteRules::of("POST /pay")
            .client_rate_limit(rate)
            .bulkhead("money")
            .closed()
            .media_types(&["application/json"])
            .idempotency_key()
            .body_bytes(2 << 20)
            .loosened("receipts are long")
            .deprecated(Deprecation::since("2026-12-01"));
        let document = document(&[rules, RouteRules::of("GET /page-without-operation")]);
        let pay = &document["paths"]["/pay"]["post"];
        for (status, words) in
            [("401", "no identity"), ("429", "Too many"), ("415", "application/json"), ("503", "places of money")]
        {
            let response = &pay["responses"][status];
            assert!(response["description"].as_str().expect("text").contains(words), "{response}");
            assert!(response["content"]["application/problem+json"].is_object(), "{response}");
        }
        for header in ["Retry-After", "RateLimit", "RateLimit-Policy"] {
            assert!(pay["responses"]["429"]["headers"][header].is_object(), "{header}");
        }
        assert_eq!((&pay["deprecated"], &pay["parameters"][0]["name"]), (&json!(true), &json!("Idempotency-Key")));
        let expected = json!({
            "access": "closed", "body_bytes": 2 << 20, "bulkhead": "money", "loosened": "receipts are long", "deprecated": "2026-12-01",
            "client_rate_limit": { "requests": 5, "seconds": 10.0, "burst": 7 },
        });
        assert_eq!(pay["x-route-rules"], expected);
        let see = &document["paths"]["/see"]["get"];
        assert!(see["responses"]["429"].is_null() && see["x-route-rules"].is_null(), "{see}");
    }
}
