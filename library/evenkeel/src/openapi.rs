//! Additions to a service's OpenAPI document: problem documents, the border's answers to any request, and the declared rules of routes.

mod breaking;
pub(crate) mod command;
mod parameters;
mod problem;
mod route_rules;
mod schemas;

use border::RouteRules;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, OpenApi, RefOr};

pub use self::command::OpenapiError;
use self::problem::{SCHEMA, problem, problem_schema};

/// Error answers of any operation, with the reason.
const EVERYWHERE: [(&str, &str); 6] = [
    ("400", "The request is malformed"),
    ("414", "The request target is too long"),
    ("431", "The headers are too many or too long"),
    ("500", "The service failed; the request id finds the reason in its logs"),
    ("503", "Overloaded, or something that it needs is not available; try again after Retry-After"),
    ("504", "It took too long"),
];

/// Further error answers of an operation that takes a body.
const WITH_BODY: [(&str, &str); 4] = [
    ("408", "The time that the caller allows (grpc-timeout) was over, or the body did not arrive in time"),
    ("413", "The body is too large"),
    ("415", "The body is not of a known media type"),
    ("422", "The body cannot be used"),
];

/// Adds the library's own answers to a document.
///
/// - The schema `Problem` (RFC 9457), unless the document has one of this name.
/// - For every operation the errors that the border answers, unless the operation describes that status.
/// - The shape of a problem document for every error that an operation describes without a content.
/// - The format of texts in a path, as the border takes them, and of the header `Idempotency-Key`, unless the operation describes one.
///
#[must_use]
pub fn complete(document: OpenApi) -> OpenApi {
    complete_with(document, &[])
}

/// Adds the library's own answers as [`complete`] does, and the declared rules of routes: the answers 415, 429 and 503 with what they mean there, the
/// header `Idempotency-Key`, `deprecated`, and the other rules in the extension `x-route-rules` of the operation.
///
/// The document that a service serves and prints has been through this.
#[must_use]
pub fn complete_with(mut document: OpenApi, rules: &[RouteRules]) -> OpenApi {
    route_rules::declare(&mut document, rules);
    with_problems(document)
}

fn with_problems(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.entry(SCHEMA.to_owned()).or_insert_with(|| problem_schema().into());
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.options,
            &mut item.head,
            &mut item.patch,
            &mut item.trace,
        ];
        operations.into_iter().flatten().for_each(complete_operation);
    }
    document
}

fn complete_operation(operation: &mut Operation) {
    parameters::complete(operation);
    let with_body: &[_] = if operation.request_body.is_some() { &WITH_BODY } else { &[] };
    let responses = &mut operation.responses.responses;
    for (status, why) in EVERYWHERE.iter().chain(with_body) {
        responses.entry((*status).to_owned()).or_insert_with(|| RefOr::T(problem(status, why)));
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(plain) = &*response
            && status.starts_with(['4', '5'])
            && plain.content.is_empty()
        {
            let phrase = status.parse().ok().and_then(|status: axum::http::StatusCode| status.canonical_reason());
            let why = if plain.description.is_empty() { phrase.unwrap_or("An error") } else { &plain.description };
            *response = RefOr::T(problem(status, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;
    use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder};
    use utoipa::openapi::{InfoBuilder, OpenApiBuilder, Response, ResponseBuilder};

    use super::*;

    #[test]
    fn every_error_of_every_operation_is_a_problem_document() {
        let not_found = ResponseBuilder::new().description("There is no such note").build();
        let own = ResponseBuilder::new().description("Our own words").build();
        let operation = OperationBuilder::new()
            .response("200", Response::new("A note"))
            .response("404", not_found)
            .response("503", own);
        let paths = PathsBuilder::new().path("/notes/{id}", PathItem::new(HttpMethod::Get, operation)).build();
        let document = OpenApiBuilder::new().info(InfoBuilder::new().title("notes").build()).paths(paths).build();

        let document: Json = serde_json::to_value(complete(document)).expect("a document");
        let schema = &document["components"]["schemas"]["Problem"];
        assert_eq!(schema["required"], serde_json::json!(["type", "title", "status"]), "{schema}");
        let responses = &document["paths"]["/notes/{id}"]["get"]["responses"];
        for (status, words) in [("404", "no such note"), ("503", "Our own words"), ("500", "request id"), ("431", "")] {
            let response = &responses[status];
            let reference = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(reference, "#/components/schemas/Problem", "{status}: {response}");
            assert!(response["description"].as_str().expect("text").contains(words), "{status}: {response}");
        }
        assert!(responses["200"].get("content").is_none() && responses.get("413").is_none(), "{responses}");
    }
}
