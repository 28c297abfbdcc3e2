//! The errors of the ledger, and their problem documents.

use evenkeel::prelude::*;
use evenkeel::resilience::CpuError;
use evenkeel::{problem_of, problem_of_work};

/// Error of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A job cannot be enqueued.
    #[error(transparent)]
    Job(evenkeel::work::Refusal),
    /// The computation was not done.
    #[error(transparent)]
    Work(#[from] CpuError),
    /// Problem document that the client receives as it is.
    #[error("{}", .0.detail())]
    Refused(Problem),
    /// An answer cannot be written.
    #[error("an answer cannot be written: {0}")]
    Answer(#[from] serde_json::Error),
}

impl From<WorkError> for LedgerError {
    fn from(error: WorkError) -> Self {
        error.into_store_error().map_or_else(Self::Job, Self::Store)
    }
}

impl LedgerError {
    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::Refused(Problem::new(StatusCode::NOT_FOUND, format!("there is no such {what}")))
    }

    /// Something in the request cannot be used: which field, and why.
    pub fn invalid(field: &str, reason: impl std::fmt::Display) -> Self {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}: {reason}"));
        Self::Refused(problem.kind("/problems/invalid").with("field", field))
    }
}

impl IntoResponse for LedgerError {
    fn into_response(self) -> Response {
        match self {
            Self::Store(error) => problem_of(&error).into_response(),
            Self::Work(error) => problem_of_work(&error).into_response(),
            Self::Refused(problem) => problem.into_response(),
            Self::Job(error) => {
                tracing::error!(%error, "a job cannot be enqueued");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::Answer(error) => {
                tracing::error!(%error, "an answer cannot be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// The answer for a refusal that is recorded under its key.
pub(crate) fn recorded_refusal(problem: &Problem) -> Result<StoredResponse, LedgerError> {
    let mut answer = StoredResponse::json(problem.status().as_u16(), &problem.document())?;
    answer.content_type = "application/problem+json".to_owned();
    Ok(answer)
}
