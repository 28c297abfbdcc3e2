//! Formats of parameters: texts of a path as the border takes them, and idempotency keys.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaType, Type};

/// The header that names a request.
pub(super) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The longest key that is taken.
const MAX_KEY: usize = 255;
/// One or more visible ASCII characters.
const KEY: &str = "^[\\u0021-\\u007e]+$";
/// A segment of a path: without a slash, a backslash and control characters, which the border refuses.
const SEGMENT: &str = "^[^/\\\\\\u0000-\\u001f\\u007f]+$";

/// Adds the format of each text in the path and of the idempotency key, where the operation describes none.
pub(super) fn complete(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let is_key = parameter.parameter_in == ParameterIn::Header && is_key(parameter);
        let is_path = parameter.parameter_in == ParameterIn::Path;
        let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { continue };
        if !is_plain_text(schema) {
            continue;
        }
        if is_key {
            *schema = key_schema(std::mem::take(schema));
        } else if is_path {
            schema.min_length = Some(1);
            schema.pattern = Some(SEGMENT.to_owned());
        }
    }
}

/// Returns true for the parameter of the idempotency key.
pub(super) fn is_key(parameter: &Parameter) -> bool {
    parameter.name.eq_ignore_ascii_case(IDEMPOTENCY_KEY)
}

/// The schema of an idempotency key.
pub(super) fn key_schema(of: Object) -> Object {
    let text = ObjectBuilder::from(of).schema_type(SchemaType::Type(Type::String));
    text.min_length(Some(1)).max_length(Some(MAX_KEY)).pattern(Some(KEY)).build()
}

/// Returns true for a text of which nothing more is said.
fn is_plain_text(schema: &Object) -> bool {
    schema.schema_type == SchemaType::Type(Type::String)
        && schema.pattern.is_none()
        && schema.format.is_none()
        && schema.enum_values.is_none()
        && schema.min_length.is_none()
        && schema.max_length.is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use utoipa::openapi::path::{OperationBuilder, ParameterBuilder};

    use super::*;

    fn completed(name: &str, place: ParameterIn, schema: Object) -> Json {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).schema(Some(schema));
        let mut operation = OperationBuilder::new().parameter(parameter).build();
        complete(&mut operation);
        serde_json::to_value(operation).expect("an operation")["parameters"][0]["schema"].clone()
    }

    fn text() -> ObjectBuilder {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
    }

    #[test]
    fn a_text_in_a_path_and_a_key_have_the_format_that_is_taken() {
        let id = completed("id", ParameterIn::Path, text().build());
        assert_eq!(id, json!({ "type": "string", "minLength": 1, "pattern": SEGMENT }));
        let key = completed("idempotency-key", ParameterIn::Header, text().build());
        assert_eq!(key, json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY }));
    }

    #[test]
    fn a_parameter_with_a_format_of_its_own_and_one_elsewhere_are_left_alone() {
        let own = completed("id", ParameterIn::Path, text().pattern(Some("^[a-z]$")).build());
        assert_eq!(own, json!({ "type": "string", "pattern": "^[a-z]$" }));
        let number = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).build();
        assert_eq!(completed("id", ParameterIn::Path, number), json!({ "type": "integer" }));
        assert_eq!(completed("cursor", ParameterIn::Query, text().build()), json!({ "type": "string" }));
    }
}
