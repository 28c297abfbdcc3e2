//! Fallbacks: answers of the caller's own for a dependency that has no good one.

use resilience::{Classify, Deadline, FallbackOutcome, Outcome};

use crate::call::Call;
use crate::error::Error;
use crate::response::{ByResponse, Response};

impl Call<'_> {
    /// Makes the call like [`Call::send`], or falls back to the alternative: a default, or the answer of another call. The caller sees which of
    /// them it got. The alternative also runs for an answer that counts as a failure ([`ByResponse`]), such as a 500; when it gives nothing the
    /// caller gets the answer, as [`FallbackOutcome::Failed`]. The alternative has the remaining time of the call; a value that it gives at once
    /// is accepted after that too. Without [`resilience::Rules::fallback`] it does not run. Cancel-safe like [`Call::send`].
    ///
    /// ```no_run
    /// # async fn call() -> Result<(), evenkeel_client::Error> {
    /// use evenkeel_client::Response;
    /// use http::StatusCode;
    ///
    /// # let client = evenkeel_client::Client::default();
    /// let rate = client.dependency("bank").get("/v1/rate");
    /// let rate = rate.send_or(async |_error| Some(Response::new(StatusCode::OK, "1.0"))).await?;
    /// println!("{:?}, of the bank itself: {}", rate.is_fresh(), rate.into_value().status);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error`], where there is no answer and the alternative gives nothing.
    pub async fn send_or(
        self,
        alternative: impl AsyncFnOnce(&Error) -> Option<Response>,
    ) -> Result<FallbackOutcome<Response, Error>, Error> {
        let (peer, total, url) = (self.peer(), Deadline::after_or_current(self.total()), self.shown());
        let policy = peer.policy();
        let outcome = self.send().await;
        let failed = matches!(ByResponse.classify(&outcome), Outcome::Failure | Outcome::Overload { .. });
        let (cause, answer) = match outcome {
            Ok(answer) if !failed => return Ok(FallbackOutcome::Fresh(answer)),
            Ok(answer) => (Error::Unexpected { url, cause: answer.status.to_string() }, Some(answer)),
            Err(error) => (error, None),
        };
        let given = match policy.rules().fallback {
            true => total.scope(alternative(&cause)).await.ok().flatten(),
            false => None,
        };
        match (given, answer) {
            (Some(value), _) => {
                policy.count_fallback();
                Ok(FallbackOutcome::Fallback { value, cause })
            }
            (None, Some(value)) => Ok(FallbackOutcome::Failed { value, cause }),
            (None, None) => Err(cause),
        }
    }
}
