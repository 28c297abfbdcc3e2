//! Takes operations down while clients are at work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::operation::{Action, Operation, Outcome};

/// The most operations of one history, about 200 MB. More are refused: what happens unrecorded cannot be judged.
pub const MAX_OPERATIONS: usize = 1 << 20;

/// The history has [`MAX_OPERATIONS`] (or its own smaller bound); the operation must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the history is full with {0} operations: run the workload for a shorter time, or check and begin anew")]
pub struct Full(pub usize);

/// Takes operations down on one monotonic clock. Cheap to clone; clones write into the same history.
///
/// One short lock an event; nothing is written anywhere while the clients are at work.
#[derive(Clone, Debug)]
pub struct Recorder {
    begun: Instant,
    bound: usize,
    operations: Arc<Mutex<Vec<Operation>>>,
}

/// An operation under way. Dropped without a completion (a cancelled task, a panic) it stays unknown.
#[derive(Debug)]
#[must_use = "operations that are never completed count as unknown"]
pub struct Pending {
    recorder: Recorder,
    index: usize,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// An empty history whose clock begins now.
    pub fn new() -> Self {
        Self::bounded(MAX_OPERATIONS)
    }

    /// The same with a bound of its own, at most [`MAX_OPERATIONS`].
    pub fn bounded(bound: usize) -> Self {
        Self { begun: Instant::now(), bound: bound.min(MAX_OPERATIONS), operations: Arc::default() }
    }

    /// Takes down that a client asks. Call it before anything is sent.
    ///
    /// # Errors
    /// When the history is full.
    pub fn invoke(&self, process: u64, action: Action) -> Result<Pending, Full> {
        let mut operations = self.lock();
        if operations.len() >= self.bound {
            return Err(Full(self.bound));
        }
        let (invoked, outcome) = (self.now(), Outcome::info("never completed"));
        operations.push(Operation { process, action, invoked, completed: None, outcome });
        Ok(Pending { recorder: self.clone(), index: operations.len() - 1 })
    }

    /// All operations so far, in the order of their invocation; those under way are unknown.
    pub fn history(&self) -> Vec<Operation> {
        self.lock().clone()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Every write below leaves the history whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Takes down what came of it. Call it after the whole answer has come.
    pub fn complete(self, outcome: Outcome) {
        let completed = self.recorder.now();
        let mut operations = self.recorder.lock();
        let operation = &mut operations[self.index];
        operation.completed = Some(completed);
        operation.outcome = outcome;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_full_history_refuses_the_next_operation_and_still_completes_those_under_way() {
        let recorder = Recorder::bounded(1);
        let pending = recorder.invoke(0, Action::Counts).unwrap();
        assert_eq!(recorder.invoke(1, Action::Counts).unwrap_err(), Full(1));
        assert!(matches!(recorder.history()[0].outcome, Outcome::Info { .. }));
        pending.complete(Outcome::ok());
        assert!(recorder.history()[0].is_ok());
    }

    #[test]
    fn threads_record_side_by_side_and_lose_nothing() {
        let recorder = Recorder::new();
        std::thread::scope(|scope| {
            for process in 0..4 {
                let recorder = &recorder;
                scope.spawn(move || {
                    for _ in 0..100 {
                        recorder.invoke(process, Action::Counts).unwrap().complete(Outcome::ok());
                    }
                });
            }
        });
        let history = recorder.history();
        assert_eq!(history.len(), 400);
        assert!(history.is_sorted_by_key(|operation| operation.invoked), "invocations stand in their order");
        assert!(history.iter().all(|operation| operation.completed.unwrap() >= operation.invoked));
    }
}
