//! The work that a request asks for: asked for with the double in the dependency's place, and waited for.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::{Exchange, Request};

use crate::finding::Finding;
use crate::lab::Lab;
use crate::probes::ratchet::support::Watched;
use crate::subject::RequestSpec;

/// Between two looks at jobs that are not done.
const LOOK: Duration = Duration::from_millis(100);
/// Between two requests while the service is about to be killed.
const EVERY: Duration = Duration::from_millis(15);

/// A request that asks for work, and the dependency that the work calls.
pub(super) struct Work {
    pub(super) spec: RequestSpec,
    pub(super) watched: Watched,
}

/// A job that was acknowledged, by the request that shows whether it is done.
#[derive(Clone)]
pub(super) struct Asked(Request);

/// The outcome of several requests.
#[derive(Default)]
pub(super) struct Outcome {
    /// Jobs that were acknowledged.
    pub(super) done: Vec<Asked>,
    /// Requests that got no answer.
    pub(super) cut: Vec<Request>,
    /// Answers that were not as declared.
    pub(super) refused: Vec<Exchange>,
    /// Requests that were answered.
    pub(super) tried: usize,
}

impl Work {
    /// Starts the subject with a double in the place of the dependency.
    ///
    /// # Errors
    /// The finding, when that is not possible.
    pub(super) async fn begin(id: &str, lab: &mut Lab, spec: RequestSpec) -> Result<Self, Finding> {
        let watched = Watched::begin(id, lab, &spec).await?;
        Ok(Self { spec, watched })
    }

    /// Asks for so many jobs at once.
    pub(super) async fn ask(&self, lab: &Lab, jobs: usize) -> Outcome {
        let client = lab.http();
        let exchanges = join_all((0..jobs).map(|_| client.send(lab.fill(&self.spec)))).await;
        self.outcome(lab, exchanges)
    }

    /// Asks for so many jobs one after the other, without waiting for answers.
    pub(super) async fn ask_slowly(&self, lab: &Lab, jobs: usize) -> Outcome {
        let client = lab.http();
        let begun = Instant::now();
        let one = |number: u32| {
            let client = &client;
            async move {
                tokio::time::sleep_until((begun + EVERY * number).into()).await;
                client.send(lab.fill(&self.spec)).await
            }
        };
        let exchanges = join_all((0..u32::try_from(jobs).unwrap_or(u32::MAX)).map(one)).await;
        self.outcome(lab, exchanges)
    }

    /// Sends requests that got no answer again, those that carry a key.
    pub(super) async fn repeat(&self, lab: &Lab, cut: &[Request]) -> Outcome {
        if self.spec.idempotent.is_none() {
            return Outcome::default();
        }
        let client = lab.http();
        let exchanges = join_all(cut.iter().map(|request| client.send(request.clone()))).await;
        self.outcome(lab, exchanges)
    }

    fn outcome(&self, lab: &Lab, exchanges: Vec<Exchange>) -> Outcome {
        let mut outcome = Outcome::default();
        for exchange in exchanges {
            outcome.tried += usize::from(exchange.answer().is_some());
            match self.acknowledged(lab, &exchange) {
                Some(asked) => outcome.done.push(asked),
                None if exchange.answer().is_none() => outcome.cut.push(exchange.request),
                None => outcome.refused.push(exchange),
            }
        }
        outcome
    }

    /// The job of a request that was answered as declared.
    pub(super) fn acknowledged(&self, lab: &Lab, exchange: &Exchange) -> Option<Asked> {
        exchange.status().filter(|status| self.spec.expects(status.as_u16()))?;
        lab.read_back(&self.spec, exchange).map(Asked)
    }

    /// Returns the number of jobs that are done now.
    pub(super) async fn done(&self, lab: &Lab, asked: &[Asked]) -> usize {
        asked.len() - self.left(lab, asked.to_vec()).await.len()
    }

    /// Waits until all jobs are done; returns the number of those that are not, after the bound.
    pub(super) async fn wait(&self, lab: &Lab, asked: &[Asked], within: Duration) -> usize {
        let (begun, mut left) = (Instant::now(), asked.to_vec());
        loop {
            left = self.left(lab, left).await;
            if left.is_empty() || begun.elapsed() >= within {
                return left.len();
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn left(&self, lab: &Lab, asked: Vec<Asked>) -> Vec<Asked> {
        let client = lab.http();
        let exchanges = join_all(asked.iter().map(|Asked(read)| client.send(read.clone()))).await;
        let is_left = |(asked, exchange): (Asked, Exchange)| (!self.shows_done(&exchange)).then_some(asked);
        asked.into_iter().zip(exchanges).filter_map(is_left).collect()
    }

    fn shows_done(&self, exchange: &Exchange) -> bool {
        let succeeded = exchange.status().is_some_and(|status| status.is_success());
        let Some(json) = exchange.answer().and_then(keel_wire::http::Answer::json) else { return false };
        succeeded && self.spec.done.iter().all(|(pointer, value)| json.pointer(pointer) == Some(value))
    }
}
