//! Validated bodies: JSON whose fields keep their declared rules, checked before the handler.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use border::Problem;
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::field_errors::FieldErrors;
use crate::json_body;

/// A JSON body whose fields keep the rules that its type declares: an extractor.
///
/// Rules are those of [garde](https://docs.rs/garde). The crate that declares them depends on `garde` with its feature `derive`. A rule names a field
/// by its name in Rust; where serde renames a field, the pointer has the name in Rust.
///
/// Refuses with a problem document before the handler runs: 415 for another content type; 400 for text that is not JSON, or that something
/// follows; 422 for a field of another type, a missing field, an unknown field where the type has `deny_unknown_fields`, a name that is there twice, a text with a
/// zero character, and for every rule that a field does not keep. A 422 has the member `errors`: a list of `pointer` (RFC 6901) and `detail`.
///
/// ```
/// use evenkeel::Valid;
/// use evenkeel::prelude::*;
///
/// #[derive(serde::Deserialize, garde::Validate)]
/// #[serde(deny_unknown_fields)]
/// struct NewOrder {
///     #[garde(length(chars, min = 1, max = 80))]
///     title: String,
///     #[garde(range(min = 1, max = 100))]
///     count: u32,
/// }
///
/// async fn order(Valid(order): Valid<NewOrder>) -> String {
///     format!("{} x {}", order.count, order.title)
/// }
/// # let _: Router = Router::new().route("/orders", post(order));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Valid<T>(pub T);

impl<T: DeserializeOwned + Validate<Context = ()>> Valid<T> {
    /// Reads and checks a body.
    pub(crate) fn parse(bytes: &Bytes) -> Result<Self, Problem> {
        Self::checked(json_body::parse(bytes)?)
    }
}

impl<T: Validate<Context = ()>> Valid<T> {
    /// Checks a value that comes from elsewhere, such as a form.
    ///
    /// # Errors
    /// 422 with every rule that a field does not keep.
    pub fn checked(value: T) -> Result<Self, Problem> {
        Self::check(&value).map(|()| Self(value))
    }

    /// Checks a value.
    ///
    /// # Errors
    /// 422 with every rule that a field does not keep.
    pub fn check(value: &T) -> Result<(), Problem> {
        let Err(report) = value.validate() else { return Ok(()) };
        let mut errors = FieldErrors::default();
        for (path, error) in report.iter() {
            errors.add(pointer(&path.to_string()), error.message());
        }
        Err(errors.problem())
    }
}

impl<T: DeserializeOwned + Validate<Context = ()>, S: Send + Sync> FromRequest<S> for Valid<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        json_body::check_content_type(request.headers()).map_err(IntoResponse::into_response)?;
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Self::parse(&bytes).map_err(IntoResponse::into_response)
    }
}

/// The JSON pointer of a path of garde: `lines[1].count` is `/lines/1/count`.
fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty()) {
        crate::field_errors::push(&mut pointer, part);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[garde(length(chars, min = 1, max = 8))]
        title: String,
        #[garde(dive)]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize, Validate)]
    struct Line {
        #[garde(range(min = 1, max = 100))]
        count: u8,
    }

    fn pointers(text: &'static str) -> (u16, Vec<String>) {
        let problem = Valid::<Order>::parse(&Bytes::from(text)).unwrap_err();
        let document = problem.document();
        let errors = document["errors"].as_array().cloned().unwrap_or_default();
        let pointers = errors.iter().filter_map(|error| Some(error["pointer"].as_str()?.to_owned()));
        (problem.status().as_u16(), pointers.collect())
    }

    #[test]
    fn every_field_that_does_not_keep_its_rules_is_named_in_one_problem() {
        let body = r#"{"title":"","lines":[{"count":1},{"count":0},{"count":101}]}"#;
        assert_eq!(pointers(body), (422, ["/lines/1/count", "/lines/2/count", "/title"].map(str::to_owned).to_vec()));
        assert_eq!(pointers(r#"{"title":"x","lines":[],"more":1}"#), (422, vec!["/more".to_owned()]));
        assert_eq!(pointers(r#"{"title":"x""#), (400, vec![]));
    }

    #[test]
    fn a_body_that_keeps_its_rules_is_taken() {
        let Valid(order) = Valid::<Order>::parse(&Bytes::from(r#"{"title":"x","lines":[{"count":3}]}"#)).unwrap();
        assert_eq!((order.title.as_str(), order.lines[0].count), ("x", 3));
    }
}
