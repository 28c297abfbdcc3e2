//! One turn of a run: its steps from the first that is not committed, each under the fence of the turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::store::{Store, StoreError, Transaction, args};

use super::begun::Run;
use super::context::Facts;
use super::definition::{Action, CallStep, Step, TxStep};
use super::fit::misfit;
use super::state::RunState;
use super::stats::{Count, Stats};
use super::steps;
use super::turn::{Begin, Turn, hand_on};
use crate::boundary::boundary;
use crate::error::{Refusal, WorkError};
use crate::job::context::JobContext;
use crate::job::enqueue::{micros, moment};
use crate::job::outcome::{Consequence, JobError};
use crate::statement::{Statement, statement};

const GUARD: Statement = statement!("run_guard");
const WAIT: Statement = statement!("run_wait");
const END: Statement = statement!("run_end");
const SIGNAL: Statement = statement!("signal_get");

/// The reason why a step is not committed.
enum Fault {
    /// Its handler failed.
    Step(JobError),
    /// The run was cancelled.
    Cancelled,
    /// The database or the fence.
    Work(WorkError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Work(error.into())
    }
}

impl From<WorkError> for Fault {
    fn from(error: WorkError) -> Self {
        Self::Work(error)
    }
}

/// The state of a step after a turn looked at it.
enum Looked {
    /// Its result is committed.
    Done(String),
    /// It waits: a later turn goes on.
    Waiting,
}

/// A turn under way.
pub(super) struct Driver<'d> {
    pub(super) store: &'d Store,
    pub(super) stats: &'d Stats,
    pub(super) job: &'d JobContext,
    pub(super) run: Run,
}

impl Driver<'_> {
    /// Drives the run as far as it goes.
    pub(super) async fn drive(mut self, definition: &[Step]) -> Result<(), JobError> {
        if let Some(reason) = misfit(definition, &self.run.steps) {
            return self.stop(&reason).await;
        }
        match self.run.state {
            RunState::Undoing => self.back(definition).await,
            _ => self.forward(definition).await,
        }
    }

    /// Stops the run until an operator decides.
    pub(super) async fn stop(&self, reason: &str) -> Result<(), JobError> {
        tracing::error!(run = %self.run.message_id, kind = %self.run.kind, reason, "a run stops and needs a decision");
        let ended = self.end(RunState::NeedsDecision, reason).await;
        self.over(ended, Count::Stopped)
    }

    async fn forward(&mut self, definition: &[Step]) -> Result<(), JobError> {
        let mut results: BTreeMap<String, String> = BTreeMap::new();
        for row in &self.run.steps {
            if let Some(result) = &row.result {
                results.insert(row.name.clone(), result.clone());
            }
        }
        for step in definition {
            if results.contains_key(&step.name) {
                continue;
            }
            match self.look_at(step, self.facts(results.clone())).await {
                Ok(Looked::Done(result)) => {
                    self.stats.count(&self.run.kind, Count::Step);
                    results.insert(step.name.clone(), result);
                }
                Ok(Looked::Waiting) => {
                    boundary("wait: after the commit");
                    return Ok(());
                }
                Err(Fault::Cancelled) => return self.cancelled(definition, &results).await,
                Err(Fault::Work(error)) => return self.refused(error),
                Err(Fault::Step(error)) => return self.step_failed(step, error).await,
            }
        }
        let ended = self.end(RunState::Done, "").await;
        self.over(ended, Count::Ended)
    }

    fn facts(&self, results: BTreeMap<String, String>) -> Arc<Facts> {
        Arc::new(Facts {
            message_id: self.run.message_id.clone(),
            input: self.run.input.clone(),
            results,
            attempt: self.job.attempt(),
            reason: self.run.reason.clone(),
        })
    }

    async fn look_at(&self, step: &Step, facts: Arc<Facts>) -> Result<Looked, Fault> {
        match &step.action {
            Action::Tx(work) => self.commit_step(step, work, facts).await.map(Looked::Done),
            Action::Call(call) => self.call(step, call, facts).await.map(Looked::Done),
            Action::Wait(within) => self.wait(step, *within, true).await,
            Action::Sleep(time) => self.wait(step, *time, false).await,
        }
    }

    /// A step in a transaction: its effect and its result are one commit.
    async fn commit_step(&self, step: &Step, work: &TxStep, facts: Arc<Facts>) -> Result<String, Fault> {
        let (id, fence, kind) = (self.run.id, self.run.fence, step.fingerprint());
        let committed = self.store.write(|tx| {
            let (work, facts, name) = (work.clone(), facts.clone(), step.name.clone());
            Box::pin(async move {
                if guard(tx, id, fence).await?.is_cancelled {
                    return Err(Fault::Cancelled);
                }
                let result = work(&mut *tx, facts).await.map_err(Fault::Step)?;
                steps::finish(tx, id, &name, kind, &result).await?;
                boundary("step: before the commit");
                Ok(result)
            })
        });
        let result = committed.await?;
        boundary("step: after the commit");
        Ok(result)
    }

    /// A call: the intent is committed before it, and the result after it.
    async fn call(&self, step: &Step, call: &CallStep, facts: Arc<Facts>) -> Result<String, Fault> {
        let (id, fence, kind) = (self.run.id, self.run.fence, step.fingerprint());
        if self.run.steps.iter().any(|row| row.name == step.name) {
            self.stats.count(&self.run.kind, Count::Repeated);
        }
        let intended = self.store.write(|tx| {
            let name = step.name.clone();
            Box::pin(async move {
                if guard(tx, id, fence).await?.is_cancelled {
                    return Err(Fault::Cancelled);
                }
                Ok(steps::intend(tx, id, &name, kind).await?)
            })
        });
        intended.await?;
        boundary("intent: after the commit");
        let key = format!("{}.{}", self.run.message_id, step.name);
        let result = call(key, facts).await.map_err(Fault::Step)?;
        boundary("call: after its end");
        let stored = self.store.write(|tx| {
            let (name, result) = (step.name.clone(), result.clone());
            Box::pin(async move {
                // Also of a run that was cancelled meanwhile: the call has taken effect.
                guard(tx, id, fence).await?;
                steps::finish(tx, id, &name, kind, &result).await
            })
        });
        stored.await?;
        boundary("result: after the commit");
        Ok(result)
    }

    /// A wait for a signal or a time. The row of the run is locked, so that no signal comes between the look and the wait.
    async fn wait(&self, step: &Step, time: Duration, for_signal: bool) -> Result<Looked, Fault> {
        let (run, kind) = (&self.run, step.fingerprint());
        let is_waiting = run.waits_for.as_deref() == Some(step.name.as_str());
        let (id, fence, turn) = (run.id, run.fence, run.turn);
        let looked = self.store.write(|tx| {
            let name = step.name.clone();
            Box::pin(async move {
                let engine = tx.engine();
                let guarded = guard(tx, id, fence).await?;
                if guarded.is_cancelled {
                    return Err(Fault::Cancelled);
                }
                let signal = match for_signal {
                    true => tx.fetch_optional(SIGNAL.on(engine), args![id, &name]).await?,
                    false => None,
                };
                let is_over = is_waiting && guarded.is_due;
                let result = match signal {
                    Some(row) => Some(row.get::<String>("payload")?),
                    None if is_over && !for_signal => Some("null".to_owned()),
                    None => None,
                };
                if let Some(result) = result {
                    steps::finish(tx, id, &name, kind, &result).await?;
                    return Ok(Looked::Done(result));
                }
                if is_over {
                    let late = format!("the signal did not come within {time:?}");
                    return Err(Fault::Step(JobError::permanent(late)));
                }
                let row = tx.fetch_one(WAIT.on(engine), args![id, &name, micros(time)]).await?;
                let wake_at = moment(row.get("wake_at")?);
                let next = Turn { run: id, turn: turn + 1 };
                hand_on(tx, next, RunState::Waiting, Begin::At(wake_at)).await?;
                Ok(Looked::Waiting)
            })
        });
        looked.await
    }

    /// Turns a cancelled run back. A call that has begun and has no undo may have taken effect: an operator decides.
    async fn cancelled(&self, definition: &[Step], results: &BTreeMap<String, String>) -> Result<(), JobError> {
        let has_begun = |name: &str| results.contains_key(name) || self.run.steps.iter().any(|row| row.name == name);
        let is_final = |step: &&Step| matches!(step.action, Action::Call(_)) && step.undo.is_none();
        match definition.iter().filter(is_final).find(|step| has_begun(&step.name)) {
            Some(call) => {
                let name = &call.name;
                self.stop(&format!("it was cancelled; the call {name} may have taken effect, and has no undo")).await
            }
            None => self.turn_back("it was cancelled").await,
        }
    }

    /// Decides on a step whose handler failed: another attempt, the way back, or an operator's decision.
    async fn step_failed(&self, step: &Step, error: JobError) -> Result<(), JobError> {
        let is_permanent = matches!(error.consequence, Consequence::Dead(_));
        if !is_permanent && !self.is_over(&error) {
            return Err(error);
        }
        let reason = format!("the step {}: {}", step.name, error.text);
        // A call that answered with a refusal has no effect. One that did not answer may have.
        if matches!(step.action, Action::Call(_)) && !is_permanent && step.undo.is_none() {
            return self.stop(&format!("{reason}; the call may have taken effect, and has no undo")).await;
        }
        self.turn_back(&reason).await
    }

    /// Returns true if a failure uses up the last attempt.
    fn is_over(&self, error: &JobError) -> bool {
        self.job.is_last_attempt() && !matches!(error.consequence, Consequence::Snooze(_))
    }

    /// Makes the run undo its steps, in a turn with attempts of its own.
    async fn turn_back(&self, reason: &str) -> Result<(), JobError> {
        tracing::warn!(run = %self.run.message_id, kind = %self.run.kind, reason, "a run undoes its steps");
        let (id, fence, turn) = (self.run.id, self.run.fence, self.run.turn);
        let turned = self.store.write(|tx| {
            let reason = reason.to_owned();
            Box::pin(async move {
                guard(tx, id, fence).await?;
                tx.execute(END.on(tx.engine()), args![id, RunState::Undoing.number(), reason]).await?;
                hand_on(tx, Turn { run: id, turn: turn + 1 }, RunState::Undoing, Begin::Now).await
            })
        });
        self.over(turned.await, Count::TurnedBack)
    }

    /// Undoes the steps that have begun, last to first.
    async fn back(&mut self, definition: &[Step]) -> Result<(), JobError> {
        let rows = &self.run.steps;
        let done = rows.iter().filter_map(|row| row.result.clone().map(|result| (row.name.clone(), result)));
        let facts = self.facts(done.collect());
        let is_to_undo = |step: &&Step| rows.iter().any(|row| row.name == step.name && row.undone_at.is_none());
        for step in definition.iter().rev().filter(is_to_undo) {
            let Some(undo) = &step.undo else { continue };
            match self.undo(step, undo, facts.clone()).await {
                Ok(()) => self.stats.count(&self.run.kind, Count::Undone),
                Err(Fault::Work(error)) => return self.refused(error),
                Err(Fault::Step(error)) => {
                    let is_permanent = matches!(error.consequence, Consequence::Dead(_));
                    if !is_permanent && !self.is_over(&error) {
                        return Err(error);
                    }
                    return self.stop(&format!("the undo of the step {}: {}", step.name, error.text)).await;
                }
                // The way back cannot be cancelled.
                Err(Fault::Cancelled) => {}
            }
        }
        let ended = self.end(RunState::Undone, "").await;
        self.over(ended, Count::Ended)
    }

    async fn undo(&self, step: &Step, undo: &Action, facts: Arc<Facts>) -> Result<(), Fault> {
        let (id, fence) = (self.run.id, self.run.fence);
        if let Action::Call(call) = undo {
            let key = format!("{}.{}.undo", self.run.message_id, step.name);
            call(key, facts.clone()).await.map_err(Fault::Step)?;
        }
        let undone = self.store.write(|tx| {
            let (undo, facts, name) = (undo.clone(), facts.clone(), step.name.clone());
            Box::pin(async move {
                guard(tx, id, fence).await?;
                if let Action::Tx(work) = undo {
                    work(&mut *tx, facts).await.map_err(Fault::Step)?;
                }
                steps::undo(tx, id, &name).await?;
                boundary("undo: before the commit");
                Ok::<_, Fault>(())
            })
        });
        undone.await?;
        boundary("undo: after the commit");
        Ok(())
    }

    async fn end(&self, state: RunState, reason: &str) -> Result<(), WorkError> {
        let (id, fence) = (self.run.id, self.run.fence);
        self.store
            .write(|tx| {
                let reason = reason.to_owned();
                Box::pin(async move {
                    guard(tx, id, fence).await?;
                    tx.execute(END.on(tx.engine()), args![id, state.number(), reason]).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Counts the end of a turn.
    fn over(&self, ended: Result<(), WorkError>, count: Count) -> Result<(), JobError> {
        match ended {
            Ok(()) => {
                self.stats.count(&self.run.kind, count);
                Ok(())
            }
            Err(error) => self.refused(error),
        }
    }

    /// Ends the turn of a driver whose fence is stale: another one drives the run. Any other error gets another attempt.
    fn refused(&self, error: WorkError) -> Result<(), JobError> {
        if let WorkError::Refused(Refusal::Stale { .. }) = error {
            self.stats.count(&self.run.kind, Count::Refused);
            return Ok(());
        }
        Err(error.into())
    }
}

/// A run that the transaction has locked under its fence.
struct Guarded {
    is_cancelled: bool,
    /// True when the time of its wait is over.
    is_due: bool,
}

/// Locks a run under its fence.
async fn guard(tx: &mut Transaction, run: i64, fence: i64) -> Result<Guarded, WorkError> {
    let row = tx.fetch_optional(GUARD.on(tx.engine()), args![run, fence]).await?;
    let stale = || Refusal::Stale { name: format!("run {run}"), fence, found: 0 };
    let row = row.ok_or_else(stale)?;
    Ok(Guarded { is_cancelled: row.get("cancelled")?, is_due: row.get("is_due")? })
}
