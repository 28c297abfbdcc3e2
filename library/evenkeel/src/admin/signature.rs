//! The author and the reason of an operator's change.

use axum::http::StatusCode;
use border::Problem;

/// The longest author and reason.
pub(crate) const MAX_TEXT: usize = 200;

/// Returns the author and the reason, when neither is empty.
pub(crate) fn signed(author: String, reason: String) -> Result<(String, String), Problem> {
    for (name, text) in [("author", &author), ("reason", &reason)] {
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT {
            let detail = format!("{name} must say something, in at most {MAX_TEXT} characters");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
    }
    Ok((author, reason))
}
