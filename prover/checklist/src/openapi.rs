//! OpenAPI documents of versions 3.0, 3.1 and 3.2, in JSON or YAML: what they say about the operations of a service.

mod dialect;
mod document;
mod text;
pub(crate) mod yaml;

pub use self::document::{Document, NoDocument, Operation, Parameter, Version};

/// Usual paths of documents.
pub const USUAL_PATHS: [&str; 10] = [
    "/openapi.json",
    "/v1/openapi.json",
    "/api/openapi.json",
    "/.well-known/openapi.json",
    "/v3/api-docs",
    "/api-docs",
    "/swagger.json",
    "/openapi.yaml",
    "/openapi.yml",
    "/api/openapi.yaml",
];

/// Returns true if a text looks like such a document, before it is parsed.
pub fn looks_like_one(text: &str) -> bool {
    (text.contains("openapi") || text.contains("swagger")) && text.contains("paths")
}
