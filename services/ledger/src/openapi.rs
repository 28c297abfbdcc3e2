//! The API's description: each operation, and the answers that all operations share.

use evenkeel::utoipa;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, HeaderBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::api::api;

/// What any operation may answer, with why.
const EVERYWHERE: [(&str, &str); 7] = [
    ("400", "The request is malformed"),
    ("408", "The time that the caller allows (grpc-timeout) was over, or the body did not arrive in time"),
    ("414", "The request target is too long"),
    ("431", "The headers are too many or too long"),
    ("500", "The service failed; the request id finds the reason in its logs"),
    ("503", "Overloaded, or the store is away; with the same Idempotency-Key it is safe to repeat after Retry-After"),
    ("504", "It took too long; with the same Idempotency-Key it is safe to repeat"),
];

/// What an operation that takes a body may answer as well.
const WITH_BODY: [(&str, &str); 3] = [
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    ("422", "The body cannot be used, the key was used for another request, or the money cannot be moved"),
];

/// The description, whole.
pub fn document() -> OpenApi {
    let mut document = api().into_openapi();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            complete(operation);
        }
    }
    document
}

/// Adds the answers that are the same everywhere, and gives every error the shape of a problem document.
fn complete(operation: &mut Operation) {
    let with_body: &[_] = if operation.request_body.is_some() { &WITH_BODY } else { &[] };
    let responses = &mut operation.responses.responses;
    for (status, why) in EVERYWHERE.iter().chain(with_body) {
        responses.insert((*status).to_owned(), RefOr::T(problem(status, why)));
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(plain) = &*response
            && status.starts_with(['4', '5'])
            && plain.content.is_empty()
        {
            let why = if plain.description.is_empty() { "There is no such thing" } else { &plain.description };
            *response = RefOr::T(problem(status, why));
        }
    }
}

fn problem(status: &str, why: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(why).content("application/problem+json", content);
    if status != "503" {
        return response.build();
    }
    let wait = HeaderBuilder::new().description(Some("Seconds to wait before trying again")).build();
    response.header("Retry-After", wait).build()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value as Json;

    fn document() -> Json {
        serde_json::to_value(super::document()).unwrap()
    }

    fn operations(document: &Json) -> Vec<&Json> {
        let items = document["paths"].as_object().unwrap().values();
        items.flat_map(|item| item.as_object().unwrap().values()).collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document();
        let names: Vec<&str> = operations(&document).iter().map(|one| one["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }

    #[test]
    fn every_error_is_a_problem_document() {
        let document = document();
        assert!(document["components"]["schemas"]["Problem"]["properties"]["type"].is_object());
        for operation in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                let described = *schema == "#/components/schemas/Problem";
                assert_eq!(described, status.starts_with(['4', '5']), "{} {status}", operation["operationId"]);
            }
        }
    }

    #[test]
    fn whatever_takes_a_body_needs_an_idempotency_key() {
        let document = document();
        for operation in operations(&document) {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let key = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
            assert_eq!(key.is_some_and(|key| key["required"] == true), operation.get("requestBody").is_some());
        }
    }
}
