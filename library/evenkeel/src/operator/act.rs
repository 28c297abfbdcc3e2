//! A change that an operator is about to make, and its audit before it takes effect.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use border::Problem;
use vitals::Registry;

/// The longest author and reason, in characters.
pub(crate) const MAX_TEXT: usize = 200;

/// A change that the guard has let through: the guard puts it into the extensions of the request.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// The operator of the token; none without a token file.
    pub(super) operator: Option<Arc<str>>,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) registry: Registry,
}

impl Act {
    /// Returns the author: the operator of the token, or without a token file the one that the body names.
    pub(super) fn author(&self, named: Option<String>) -> Result<String, Problem> {
        match &self.operator {
            Some(operator) => Ok(operator.to_string()),
            None => said("author", named),
        }
    }

    /// Writes it to the log and to the event bus, before it takes effect.
    pub(super) fn audit(&self, author: &str, reason: &str) {
        let (method, path) = (&self.method, &self.path);
        let identity = if self.operator.is_some() { "token" } else { "host" };
        tracing::warn!(author, reason, %method, path, identity, "an operator asks for a change");
        self.registry.bus().publish("operator", author.to_owned(), "asks", format!("{method} {path}: {reason}"));
    }
}

/// Returns a text that must say something.
pub(super) fn said(name: &str, text: Option<String>) -> Result<String, Problem> {
    let is_good = |text: &String| !text.trim().is_empty() && text.chars().count() <= MAX_TEXT;
    text.filter(is_good).ok_or_else(|| {
        let detail = format!("{name} must say something, in at most {MAX_TEXT} characters");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    })
}
