//! A change of an operator on runs, subscriptions or leases: signed, logged, and an event of the bus.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use border::Problem;
use vitals::Registry;
use work::{Refusal, WorkError};

use crate::idempotent::problem_of;
use crate::operator::Signed;

/// A change: its name, the part that it is about, and the row of that part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) part: &'static str,
    pub(super) name: &'static str,
    pub(super) target: &'a str,
}

impl Change<'_> {
    /// Applies it for an operator, and writes it to the log and to the event bus with its author and reason. No content when it took effect, and 409
    /// with `otherwise` when it did not fit the row's state.
    pub(super) async fn apply<T>(
        self,
        registry: &Registry,
        by: Signed<T>,
        otherwise: &'static str,
        work: impl Future<Output = Result<bool, WorkError>>,
    ) -> Result<Response, Problem> {
        let Self { part, name: operation, target } = self;
        let Signed { author, reason, .. } = by;
        match work.await {
            Ok(true) => {
                tracing::warn!(part, operation, target, author, reason, "an operator changed the work of this service");
                registry.bus().publish(part, target.to_owned(), operation, format!("changed by {author}: {reason}"));
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Ok(false) => Err(Problem::new(StatusCode::CONFLICT, format!("nothing was changed: {otherwise}"))),
            Err(error) => {
                tracing::warn!(part, operation, target, author, reason, %error, "an operator's change failed");
                Err(problem(error))
            }
        }
    }
}

/// The problem of an error: 404 for a run that is not there, 422 for another refusal.
pub(super) fn problem(error: WorkError) -> Problem {
    match error {
        WorkError::Refused(missing @ Refusal::Run { .. }) => Problem::new(StatusCode::NOT_FOUND, missing.to_string()),
        error => match error.into_store_error() {
            Ok(error) => problem_of(&error),
            Err(refusal) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.to_string()),
        },
    }
}
