//! The API's description: the ledger's own words for errors that every operation has; the library adds the others.

use evenkeel::{openapi, utoipa};
use utoipa::openapi::{OpenApi, RefOr, ResponseBuilder};

use crate::api::api;

/// Error answers of any operation, in the ledger's words.
const EVERYWHERE: [(&str, &str); 2] = [
    ("503", "Overloaded, or the store is away; with the same Idempotency-Key it is safe to repeat after Retry-After"),
    ("504", "It took too long; with the same Idempotency-Key it is safe to repeat"),
];

/// Further error answers of an operation that takes a body.
const WITH_BODY: [(&str, &str); 2] = [
    ("415", "The body is not JSON"),
    ("422", "The body cannot be used, the key was used for another request, or the money cannot be moved"),
];

/// The description, whole.
pub fn document() -> OpenApi {
    let mut document = api().into_openapi();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            let with_body: &[_] = if operation.request_body.is_some() { &WITH_BODY } else { &[] };
            for (status, why) in EVERYWHERE.iter().chain(with_body) {
                let response = ResponseBuilder::new().description(*why).build();
                operation.responses.responses.insert((*status).to_owned(), RefOr::T(response));
            }
        }
    }
    openapi::complete(document)
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
    fn every_operation_with_a_body_needs_an_idempotency_key() {
        let document = document();
        for operation in operations(&document) {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let key = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
            assert_eq!(key.is_some_and(|key| key["required"] == true), operation.get("requestBody").is_some());
        }
    }
}
