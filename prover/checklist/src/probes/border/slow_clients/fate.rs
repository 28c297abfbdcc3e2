//! What became of a slow connection.

use std::time::Duration;

/// What the service did with a slow connection.
pub(super) enum Fate {
    /// It was ended by the service; how.
    Cut(Duration, String),
    /// It was still held at the end of the patience.
    Held(Duration),
    /// It cannot be judged; why.
    NotJudged(String),
}
