//! Mistakes in the fields of a body: one problem document with a JSON pointer for each (RFC 6901).

use axum::http::StatusCode;
use border::Problem;
use serde_json::{Value as Json, json};

/// The most mistakes that one problem lists.
pub(crate) const MAX_ERRORS: usize = 32;
/// The type of the problem, unless it is the service's own.
const KIND: &str = "/problems/invalid";

/// The mistakes of one body.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors {
    errors: Vec<(String, String)>,
}

impl FieldErrors {
    /// Adds a mistake: where it is, and what is wrong there. Those beyond the bound are left out.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push((pointer.into(), detail.into()));
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The problem (422): its detail is the first mistake, `errors` lists all.
    pub(crate) fn problem(&self) -> Problem {
        let detail = match self.errors.as_slice() {
            [] => "the body cannot be used".to_owned(),
            [(pointer, detail)] => format!("{}: {detail}", named(pointer)),
            [(pointer, detail), more @ ..] => {
                format!("{}: {detail}; {} more in errors", named(pointer), more.len())
            }
        };
        let errors: Vec<Json> =
            self.errors.iter().map(|(pointer, detail)| json!({ "pointer": pointer, "detail": detail })).collect();
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).kind(KIND).with("errors", errors)
    }
}

/// The field of a pointer, in a sentence.
fn named(pointer: &str) -> &str {
    match pointer.trim_start_matches('/') {
        "" => "the body",
        field => field,
    }
}

/// Writes a part of a pointer.
pub(crate) fn push(pointer: &mut String, part: &str) {
    pointer.push('/');
    pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_has_its_pointer_and_the_first_one_is_the_detail() {
        let mut errors = FieldErrors::default();
        assert!(errors.is_empty());
        errors.add("/amount", "is too small");
        assert_eq!(errors.problem().detail(), "amount: is too small");
        errors.add("/to", "is unknown");
        let document = errors.problem().document();
        assert_eq!(document["detail"], "amount: is too small; 1 more in errors");
        assert_eq!(document["errors"][1], json!({ "pointer": "/to", "detail": "is unknown" }));
        assert_eq!(document["status"], 422);
    }

    #[test]
    fn no_more_mistakes_are_listed_than_the_bound() {
        let mut errors = FieldErrors::default();
        (0..100).for_each(|_| errors.add("", "wrong"));
        assert_eq!(errors.problem().document()["errors"].as_array().map(Vec::len), Some(MAX_ERRORS));
    }

    #[test]
    fn slashes_and_tildes_of_a_name_are_escaped() {
        let mut pointer = String::new();
        push(&mut pointer, "a/b~c");
        assert_eq!(pointer, "/a~1b~0c");
    }
}
