//! Bodies of JSON: their content type, their text, their fields.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use border::Problem;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::field_errors::{FieldErrors, push};
use crate::strict_json;

/// Checks that a body is sent as JSON.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let essence = content_type(headers).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as Content-Type: application/json"))
}

/// The content type, as it was sent.
pub(crate) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads a body: 400 for text that is not JSON, 422 with a pointer for names that are there twice, for zero characters, and for a field
/// of another shape.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    let mut errors = FieldErrors::default();
    strict_json::check(bytes, &mut errors).map_err(|error| not_json(&error))?;
    if !errors.is_empty() {
        return Err(errors.problem());
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        match error.into_inner() {
            error if error.is_data() => {
                errors.add(pointer, without_position(&error));
                errors.problem()
            }
            error => not_json(&error),
        }
    })
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("the body cannot be used: {error}"))
}

/// Returns the message without its position: the pointer has that.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[serde(rename = "lines")]
        _lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        #[serde(rename = "count")]
        _count: u8,
    }

    fn refused(text: &'static str) -> (u16, String, String) {
        let problem = parse::<Order>(&Bytes::from(text)).unwrap_err();
        let document = problem.document();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let error = &document["errors"][0];
        (problem.status().as_u16(), text(&error["pointer"]), text(&error["detail"]))
    }

    #[test]
    fn a_mistake_in_a_field_is_named_by_its_pointer() {
        for (body, status, pointer, words) in [
            (r#"{"lines":[{"count":1},{"count":"x"}]}"#, 422, "/lines/1/count", "invalid type: string"),
            (r#"{"lines":[{"count":300}]}"#, 422, "/lines/0/count", "invalid value"),
            (r#"{"lines":[{}]}"#, 422, "/lines/0", "missing field `count`"),
            (r#"{"lines":[],"more":1}"#, 422, "/more", "unknown field `more`"),
            (r#"{"lines":[],"lines":[]}"#, 422, "/lines", "twice"),
            (r#"{"lines":["\u0000"]}"#, 422, "/lines/0", "zero character"),
            (r#"{"lines":[]} x"#, 400, "", ""),
            (r#"{"lines":["#, 400, "", ""),
        ] {
            let (found, at, detail) = refused(body);
            assert_eq!((found, at.as_str()), (status, pointer), "{body}: {detail}");
            assert!(detail.contains(words) && !detail.contains("at line"), "{body}: {detail}");
        }
        assert!(parse::<Order>(&Bytes::from(r#"{"lines":[{"count":1}]}"#)).is_ok());
    }
}
