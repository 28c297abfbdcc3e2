//! Every request kept one by one, for figures of a part of a run.
//!
//! Intervals that are compared with the state of a server seldom end at whole seconds, and their boundaries may be
//! known only afterwards. A generator at full speed is better watched by its [`Report`](super::Report) alone.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::outcome::Outcome;
use crate::report::{Figures, Row, count};
use crate::watch::Completed;

/// The most requests that are kept, about 200 MB; of those beyond nothing is known here.
pub const MAX_SAMPLES: usize = 4_000_000;

/// One request. Times count from the beginning that the samples were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its place in [`Plan::kinds`](super::Plan::kinds).
    pub kind: usize,
    /// The intended send time.
    pub intended: Duration,
    /// The actual send time.
    pub sent: Duration,
    /// The time at which the outcome was known.
    pub done: Duration,
    /// The outcome.
    pub outcome: Outcome,
}

/// Every request that is over. Cheap to clone; clones write into the same list.
#[derive(Clone, Debug)]
pub struct Samples {
    begun: Instant,
    kinds: Vec<String>,
    objective: Option<Duration>,
    all: Arc<Mutex<Vec<Sample>>>,
}

/// The figures of a part of a run.
#[derive(Clone, Debug)]
pub struct Part {
    kinds: Vec<(String, Vec<Row>)>,
    lasts: Duration,
    objective: Option<Duration>,
}

impl Samples {
    /// None yet. Times count from `begun`; `kinds` are the names of the plan's.
    pub fn new(begun: Instant, kinds: impl IntoIterator<Item = String>) -> Self {
        Self { begun, kinds: kinds.into_iter().collect(), objective: None, all: Arc::default() }
    }

    /// The same with the plan's objective: goodput counts no later answer.
    #[must_use]
    pub fn with_objective(self, objective: Option<Duration>) -> Self {
        Self { objective, ..self }
    }

    /// Keeps one; for an [`Observer`](super::Observer).
    pub fn keep(&self, completed: &Completed<'_>) {
        let since = |instant: Instant| instant.saturating_duration_since(self.begun);
        let Completed { kind, intended, sent, done, outcome, .. } = *completed;
        let mut all = self.lock();
        if all.len() < MAX_SAMPLES {
            all.push(Sample { kind, intended: since(intended), sent: since(sent), done: since(done), outcome });
        }
    }

    /// Those so far, in the order in which their outcomes were known.
    pub fn all(&self) -> Vec<Sample> {
        self.lock().clone()
    }

    /// The share of the latest outcomes, those known since then, that was not as expected; none when there are fewer than `least`.
    pub fn errors_since(&self, moment: Duration, least: usize) -> Option<f64> {
        let all = self.lock();
        let recent = all.iter().rev().take_while(|sample| sample.done > moment);
        let (known, unexpected) = recent.fold((0_usize, 0_usize), |(known, unexpected), sample| {
            (known + 1, unexpected + usize::from(sample.outcome != Outcome::Expected))
        });
        (known >= least.max(1)).then(|| unexpected as f64 / known as f64)
    }

    /// The figures of those that were to be sent within this span.
    pub fn part(&self, span: Range<Duration>) -> Part {
        let lasts = span.end.saturating_sub(span.start);
        let mut kinds: Vec<_> = self.kinds.iter().map(|name| (name.clone(), Vec::new())).collect();
        for sample in self.lock().iter().filter(|sample| span.contains(&sample.intended)) {
            let (latency, service) =
                (sample.done.saturating_sub(sample.intended), sample.done.saturating_sub(sample.sent));
            count(&mut kinds[sample.kind].1, sample.outcome, latency, service);
        }
        Part { kinds, lasts, objective: self.objective }
    }

    /// Every push leaves the list whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Vec<Sample>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Returns the figures of the interval.
    pub fn figures(&self) -> Figures<'_> {
        Figures { kinds: &self.kinds, lasts: self.lasts, objective: self.objective }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Filling;

    #[test]
    fn goodput_counts_only_expected_answers_within_the_objective() {
        let begun = Instant::now();
        let goodput = |objective: Option<Duration>| {
            let samples = Samples::new(begun, ["look".to_owned()]).with_objective(objective);
            let filling = Filling { key: String::new(), number: 1, random: 1 };
            for (milliseconds, outcome) in
                [(50, Outcome::Expected), (150, Outcome::Expected), (800, Outcome::Expected), (10, Outcome::Status(5))]
            {
                let done = begun + Duration::from_millis(milliseconds);
                let (head, body, filling) = (None, &[][..], &filling);
                samples.keep(&Completed { kind: 0, filling, intended: begun, sent: begun, done, outcome, head, body });
            }
            samples.part(Duration::ZERO..Duration::from_secs(1)).figures().goodput()
        };
        let within = |milliseconds| goodput(Some(Duration::from_millis(milliseconds)));
        assert_eq!([goodput(None), within(1000), within(200), within(20)], [3.0, 3.0, 2.0, 0.0]);
    }
}
