//! Problem documents in the OpenAPI document.

use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, Response, ResponseBuilder};

/// The name of the schema of problem documents.
pub(super) const SCHEMA: &str = "Problem";

/// Returns the answer of this status: a problem document, with `Retry-After` where the client may try again.
pub(super) fn problem(status: &str, why: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(SCHEMA))).build();
    let response = ResponseBuilder::new().description(why).content("application/problem+json", content);
    if !["503", "429"].contains(&status) {
        return response.build();
    }
    let wait = HeaderBuilder::new().description(Some("Seconds to wait before trying again")).build();
    response.header("Retry-After", wait).build()
}

/// Returns the schema of the mistakes in the fields of a body.
fn errors() -> Array {
    let text = |description: &str| {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(description)).build()
    };
    let error = ObjectBuilder::new()
        .property("pointer", text("The field, as a JSON pointer (RFC 6901)."))
        .property("detail", text("The mistake."))
        .required("pointer")
        .required("detail");
    ArrayBuilder::new().description(Some("The fields of the body that cannot be used.")).items(error).build()
}

/// Returns the schema of problem documents.
pub(super) fn problem_schema() -> utoipa::openapi::Schema {
    let text = |description: &str| {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(description)).build()
    };
    let status = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .description(Some("The status."))
        .minimum(Some(400))
        .maximum(Some(599));
    ObjectBuilder::new()
        .description(Some("An error, as every operation answers it (RFC 9457)."))
        .property("type", text("The kind of problem: a URI, which may be relative, else about:blank."))
        .property("title", text("The status's phrase."))
        .property("status", status)
        .property("detail", text("The mistake, and the remedy."))
        .property("code", text("The kind of problem in one word, where a program may have to know it."))
        .property("field", text("The field that cannot be used, when it is one."))
        .property("errors", errors())
        .property("request_id", text("Finds the request in the logs."))
        .required("type")
        .required("title")
        .required("status")
        .build()
        .into()
}
