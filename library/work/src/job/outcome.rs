//! Errors of handlers, and what follows from them.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

/// The error of a handler, by its consequence. Any error becomes one by `?` and gets another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobError {
    pub(crate) consequence: Consequence,
    pub(crate) text: String,
}

/// The consequence of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Another attempt, after the backoff or after this time.
    Retry(Option<Duration>),
    /// Another attempt after this time; this one does not count.
    Snooze(Duration),
    /// A dead letter, for this reason.
    Dead(&'static str),
}

/// The most causes of an error that are written.
const MAX_CAUSES: usize = 10;

impl JobError {
    /// Another attempt after the backoff of the queue, until the attempts are used up.
    pub fn retry(text: impl Into<String>) -> Self {
        Self { consequence: Consequence::Retry(None), text: text.into() }
    }

    /// Another attempt after this time instead of the backoff.
    pub fn retry_after(delay: Duration, text: impl Into<String>) -> Self {
        Self { consequence: Consequence::Retry(Some(delay)), text: text.into() }
    }

    /// No further attempt: the job becomes a dead letter at once, because another attempt would fail too.
    pub fn permanent(text: impl Into<String>) -> Self {
        Self { consequence: Consequence::Dead("permanent"), text: text.into() }
    }

    /// Not now: another attempt after this time, and this one does not count.
    pub fn snooze(delay: Duration) -> Self {
        Self { consequence: Consequence::Snooze(delay), text: String::new() }
    }

    /// The text of the error.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<E: Error> From<E> for JobError {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        for _ in 0..MAX_CAUSES {
            let Some(next) = cause else { break };
            let said = next.to_string();
            // Many errors repeat their cause in their own text.
            if !text.contains(&said) {
                let _ = write!(text, ": {said}");
            }
            cause = next.source();
        }
        Self::retry(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_written_with_its_causes_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("the mail was not sent")]
        struct NotSent(#[source] std::io::Error);
        let error = JobError::from(NotSent(std::io::Error::other("the relay is away")));
        assert_eq!(error.text(), "the mail was not sent: the relay is away");
        assert_eq!(error.consequence, Consequence::Retry(None));
        assert_eq!(JobError::from(std::io::Error::other("once")).text(), "once");
    }
}
