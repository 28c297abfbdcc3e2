//! Definitions of ratchets: their steps in order.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ::store::{BoxFuture, Transaction};
use serde::Serialize;

use super::RunInput;
use super::context::{Facts, RunContext};
use super::id::is_id;
use super::steps::MAX_RESULT;
use crate::job::outcome::JobError;

/// Maximum number of steps of a ratchet.
pub const MAX_STEPS: usize = 1_000;

/// A step in a transaction; its result is JSON.
pub(super) type TxStep =
    Arc<dyn for<'t> Fn(&'t mut Transaction, Arc<Facts>) -> BoxFuture<'t, Result<String, JobError>> + Send + Sync>;
/// A call of another system with a derived key; its result is JSON.
pub(super) type CallStep =
    Arc<dyn Fn(String, Arc<Facts>) -> BoxFuture<'static, Result<String, JobError>> + Send + Sync>;

/// The work of a step, or of its undo.
#[derive(Clone)]
pub(super) enum Action {
    Tx(TxStep),
    Call(CallStep),
    Wait(Duration),
    Sleep(Duration),
}

/// One step.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) action: Action,
    pub(super) undo: Option<Action>,
}

impl Step {
    /// The kind of the step, by which a run tells that a step of its name has another meaning now.
    pub(super) fn fingerprint(&self) -> &'static str {
        match self.action {
            Action::Tx(_) => "a transaction",
            Action::Call(_) => "a call",
            Action::Wait(_) => "a wait",
            Action::Sleep(_) => "a sleep",
        }
    }
}

/// A ratchet: the steps of a kind of run, by name and in order.
///
/// Names are 1 to 100 visible ASCII characters. Steps may be appended to a ratchet that has runs. A run that has begun a step which is missing,
/// of another kind, or behind a new one, stops and needs a decision: give the changed ratchet the next [`RunInput::VERSION`], and keep this
/// one with [`Ratchet::of_version`] until it has no runs.
pub struct Ratchet<I> {
    pub(super) version: u16,
    pub(super) steps: Vec<Step>,
    input: PhantomData<fn(I)>,
}

impl<I> std::fmt::Debug for Ratchet<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.steps.iter().map(|step| step.name.as_str()).collect();
        f.debug_struct("Ratchet").field("version", &self.version).field("steps", &names).finish()
    }
}

impl<I: RunInput> Default for Ratchet<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: RunInput> Ratchet<I> {
    /// A ratchet of the present version of its input, without steps.
    pub fn new() -> Self {
        Self::of_version(I::VERSION)
    }

    /// A ratchet of an earlier version, for the runs that it still has.
    pub fn of_version(version: u16) -> Self {
        Self { version, steps: Vec::new(), input: PhantomData }
    }

    /// Adds a step in a transaction: its effect and its result are one commit, so that it happens exactly once.
    ///
    /// The handler may run again after a conflict, and must have no effect but on the transaction.
    ///
    /// # Panics
    /// When the name is used or has other characters, or there are more than [`MAX_STEPS`].
    #[must_use]
    pub fn tx<T, F>(self, name: &str, handler: F) -> Self
    where
        T: Serialize + 'static,
        F: for<'t> Fn(&'t mut Transaction, RunContext<I>) -> BoxFuture<'t, Result<T, JobError>> + Send + Sync + 'static,
    {
        self.step(name, Action::Tx(in_transaction(handler)))
    }

    /// Adds a call of another system. Its intent is stored first; after a crash it is repeated with the same key, until its result is stored.
    ///
    /// The key is derived from the message id of the run and the name of the step: pass it on as idempotency key, so that the effect happens
    /// once where the callee keeps a log of keys. A call that fails in its last attempt may have taken effect: give it an
    /// [`undo_call`](Self::undo_call), or the run stops and needs a decision.
    ///
    /// # Panics
    /// As [`Ratchet::tx`].
    #[must_use]
    pub fn call<T, F, R>(self, name: &str, handler: F) -> Self
    where
        T: Serialize + 'static,
        F: Fn(String, RunContext<I>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, JobError>> + Send + 'static,
    {
        self.step(name, Action::Call(by_key(handler)))
    }

    /// Waits for the signal of this name; its payload is the result. The step fails when it does not come within the time.
    ///
    /// # Panics
    /// As [`Ratchet::tx`].
    #[must_use]
    pub fn wait(self, name: &str, within: Duration) -> Self {
        self.step(name, Action::Wait(within))
    }

    /// Waits for a time; the result is null.
    ///
    /// # Panics
    /// As [`Ratchet::tx`].
    #[must_use]
    pub fn sleep(self, name: &str, time: Duration) -> Self {
        self.step(name, Action::Sleep(time))
    }

    /// Undoes the last step in a transaction, when a later one fails: exactly once, and only if the step has begun.
    ///
    /// # Panics
    /// When there is no step, or it has an undo.
    #[must_use]
    pub fn undo_tx<F>(self, handler: F) -> Self
    where
        F: for<'t> Fn(&'t mut Transaction, RunContext<I>) -> BoxFuture<'t, Result<(), JobError>>
            + Send
            + Sync
            + 'static,
    {
        self.undo(Action::Tx(in_transaction(handler)))
    }

    /// Undoes the last step by a call, with a key of its own, when it or a later one fails. A call that has begun is undone also when it has no
    /// result, because it may have taken effect.
    ///
    /// # Panics
    /// When there is no step, or it has an undo.
    #[must_use]
    pub fn undo_call<F, R>(self, handler: F) -> Self
    where
        F: Fn(String, RunContext<I>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        self.undo(Action::Call(by_key(handler)))
    }

    fn step(mut self, name: &str, action: Action) -> Self {
        let kind = I::KIND;
        assert!(is_id(name), "the step {name:?} of {kind} has no name of 1 to 100 visible ASCII characters");
        assert!(self.steps.iter().all(|step| step.name != name), "two steps of {kind} have the name {name:?}");
        assert!(self.steps.len() < MAX_STEPS, "{kind} has more than {MAX_STEPS} steps");
        self.steps.push(Step { name: name.to_owned(), action, undo: None });
        self
    }

    fn undo(mut self, action: Action) -> Self {
        let kind = I::KIND;
        match self.steps.last_mut() {
            Some(Step { undo: undo @ None, .. }) => *undo = Some(action),
            Some(step) => panic!("the step {:?} of {kind} has two undos", step.name),
            None => panic!("an undo of {kind} comes before its first step"),
        }
        self
    }
}

/// Writes a result.
fn result<T: Serialize>(value: &T) -> Result<String, JobError> {
    let written = serde_json::to_string(value);
    let written = written.map_err(|error| JobError::permanent(format!("the result is no JSON: {error}")))?;
    match written.len() {
        0..=MAX_RESULT => Ok(written),
        bytes => Err(JobError::permanent(format!(
            "the result has {bytes} bytes, more than {MAX_RESULT}: store it in a table and return its key"
        ))),
    }
}

fn in_transaction<I, T, F>(handler: F) -> TxStep
where
    I: RunInput,
    T: Serialize + 'static,
    F: for<'t> Fn(&'t mut Transaction, RunContext<I>) -> BoxFuture<'t, Result<T, JobError>> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |tx, facts| {
        let handler = handler.clone();
        Box::pin(async move {
            let work = handler(tx, RunContext::new(facts)?);
            let outcome = work.await.map(|value| result(&value));
            outcome?
        })
    })
}

fn by_key<I, T, F, R>(handler: F) -> CallStep
where
    I: RunInput,
    T: Serialize + 'static,
    F: Fn(String, RunContext<I>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, JobError>> + Send + 'static,
{
    Arc::new(move |key, facts| {
        let call = RunContext::new(facts).map(|context| handler(key, context));
        Box::pin(async move {
            let outcome = call?.await.map(|value| result(&value));
            outcome?
        })
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::run::fit::misfit;
    use crate::run::steps::StepRow;

    #[derive(Serialize, Deserialize)]
    struct Payout;
    impl RunInput for Payout {
        const KIND: &'static str = "payout";
    }

    fn ratchet() -> Ratchet<Payout> {
        Ratchet::new().sleep("a", Duration::ZERO).wait("b", Duration::ZERO).sleep("c", Duration::ZERO)
    }

    fn begun(names: &[(&str, &str)]) -> Vec<StepRow> {
        names.iter().map(|(name, fingerprint)| StepRow::begun(name, fingerprint)).collect()
    }

    #[test]
    fn a_run_fits_as_long_as_its_steps_are_the_first_ones() {
        let steps = ratchet().steps;
        for names in [&[][..], &[("a", "a sleep")], &[("a", "a sleep"), ("b", "a wait"), ("c", "a sleep")]] {
            assert_eq!(misfit(&steps, &begun(names)), None, "{names:?}");
        }
        for (names, reason) in [
            (&[("x", "a sleep")][..], "is not in the ratchet any more"),
            (&[("a", "a call")], "has begun as a call and is a sleep now"),
            (&[("a", "a sleep"), ("c", "a sleep")], "the step c has begun, and b before it is new"),
        ] {
            let found = misfit(&steps, &begun(names)).unwrap_or_default();
            assert!(found.contains(reason), "{found}");
        }
    }

    #[test]
    #[should_panic(expected = "two steps of payout have the name \"a\"")]
    fn two_steps_of_one_name_are_refused() {
        let _ = ratchet().sleep("a", Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "visible ASCII")]
    fn a_name_with_a_space_is_refused() {
        let _ = ratchet().sleep("a b", Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "before its first step")]
    fn an_undo_without_a_step_is_refused() {
        let _ = Ratchet::<Payout>::new().undo_call(|_key, _run| async { Ok(()) });
    }
}
