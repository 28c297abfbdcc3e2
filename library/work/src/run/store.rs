//! Runs in the database, signals, and the levers of operators.
//!
//! Each function of [`RunStore`] is cancel-safe: a dropped future leaves its transaction whole or undone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::store::{BoxFuture, Isolation, Row, Store, StoreError, Transaction, args};
use serde::Serialize;

use super::state::RunState;
use super::steps::{self, MAX_RESULT, StepRow};
use super::turn::{Begin, Turn, hand_on};
use crate::error::{Refusal, WorkError};
use crate::job::enqueue::{micros, moment};
use crate::statement::{Statement, statement};
use crate::written::{rfc3339, rfc3339_or_none};

const GET: Statement = statement!("run_get");
const LIST: Statement = statement!("run_list");
const COUNTS: Statement = statement!("run_counts");
const LOCK: Statement = statement!("run_lock");
const END: Statement = statement!("run_end");
const CANCEL: Statement = statement!("run_cancel");
const VERSION: Statement = statement!("run_version");
const SIGNAL: Statement = statement!("signal_add");
const OLD: Statement = statement!("run_old");
const PURGE: Statement = statement!("run_purge");
const PURGE_STEPS: Statement = statement!("step_purge");
const PURGE_SIGNALS: Statement = statement!("signal_purge");
/// Maximum number of runs in one list, and of runs that one call deletes.
pub const MAX_LISTED: usize = 500;

/// A run in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunRow {
    /// The id, for lists.
    pub id: i64,
    /// The message id.
    pub message_id: String,
    /// The kind.
    pub kind: String,
    /// The version of its ratchet.
    pub version: u16,
    /// The state.
    pub state: RunState,
    /// The step for whose signal or time it waits, or has waited last.
    pub waits_for: Option<String>,
    /// The end of that wait.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub wake_at: Option<SystemTime>,
    /// The reason why it is undone or needs a decision.
    pub reason: Option<String>,
    /// The moment of its start.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: SystemTime,
    /// The moment of its last commit.
    #[serde(serialize_with = "rfc3339")]
    pub moved_at: SystemTime,
    /// True when its job is gone, as after a dead letter: redrive the dead letter, or resume the run.
    pub is_stalled: bool,
}

impl RunRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            message_id: row.get("message_id")?,
            kind: row.get("kind")?,
            version: row.get("version")?,
            state: RunState::of(row.get("state")?),
            waits_for: row.get("waits_for")?,
            wake_at: row.get::<Option<i64>>("wake_at")?.map(moment),
            reason: row.get("reason")?,
            started_at: moment(row.get("started_at")?),
            moved_at: moment(row.get("moved_at")?),
            is_stalled: row.get("stalled")?,
        })
    }
}

/// The number of runs of a kind, version and state that have not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunCount {
    /// The kind.
    pub kind: String,
    /// The version.
    pub version: u16,
    /// The state.
    pub state: RunState,
    /// The number of runs.
    pub runs: u64,
    /// Those of them whose job is gone.
    pub stalled: u64,
}

/// A run that the transaction has locked.
struct Locked {
    id: i64,
    state: RunState,
    turn: i64,
    undoing: bool,
    waits_for: Option<String>,
}

impl Locked {
    fn next(&self) -> Turn {
        Turn { run: self.id, turn: self.turn + 1 }
    }
}

async fn lock(tx: &mut Transaction, message_id: &str) -> Result<Locked, WorkError> {
    let row = tx.fetch_optional(LOCK.on(tx.engine()), args![message_id]).await?;
    let row = row.ok_or_else(|| refused(message_id, "there is none of this message id".to_owned()))?;
    let state = RunState::of(row.get("state")?);
    let (turn, undoing, waits_for) = (row.get("turn")?, row.get("undoing")?, row.get("waits_for")?);
    Ok(Locked { id: row.get("id")?, state, turn, undoing, waits_for })
}

fn refused(message_id: &str, reason: String) -> WorkError {
    Refusal::Run { message_id: message_id.to_owned(), reason }.into()
}

/// Sends a signal to a run, in the caller's transaction; returns false when a signal of this name has come before, which stays.
///
/// A signal may come before the run waits for it. Not cancel-safe, as statements of a transaction are not: when the future is dropped, return
/// an error from the transaction.
///
/// # Errors
/// [`Refusal::Run`] when there is no such run, it has ended, or the payload is longer than [`MAX_RESULT`]; else the store's.
pub async fn signal<T: Serialize>(
    tx: &mut Transaction,
    message_id: &str,
    name: &str,
    payload: &T,
) -> Result<bool, WorkError> {
    let written = serde_json::to_string(payload).map_err(|error| refused(message_id, error.to_string()))?;
    if written.len() > MAX_RESULT {
        let bytes = written.len();
        return Err(refused(
            message_id,
            format!("the payload of the signal {name} has {bytes} bytes, more than {MAX_RESULT}"),
        ));
    }
    let run = lock(tx, message_id).await?;
    if run.state.has_ended() {
        return Err(refused(message_id, format!("it takes no signal {name}: it is {}", run.state.name())));
    }
    let is_first = tx.execute(SIGNAL.on(tx.engine()), args![run.id, name, written]).await? == 1;
    if is_first && run.state == RunState::Waiting && run.waits_for.as_deref() == Some(name) {
        hand_on(tx, run.next(), RunState::Ready, Begin::Now).await?;
    }
    Ok(is_first)
}

/// The runs of a store, and their levers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RunStore {
    store: Store,
}

impl RunStore {
    /// The runs of a store, whose tables [`add_schema`](crate::add_schema) adds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Reads a run; none when there is none of this message id.
    ///
    /// # Errors
    /// The store's.
    pub async fn get(&self, message_id: &str) -> Result<Option<RunRow>, WorkError> {
        let engine = self.store.engine();
        let row = self
            .store
            .read(|tx| {
                let values = args![message_id];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_optional(GET.on(engine), values).await?) })
            })
            .await?;
        Ok(row.as_ref().map(RunRow::read).transpose()?)
    }

    /// Lists the steps of a run that have begun, in the order in which they did.
    ///
    /// # Errors
    /// The store's.
    pub async fn steps(&self, run: &RunRow) -> Result<Vec<StepRow>, WorkError> {
        let id = run.id;
        self.store.read(|tx| Box::pin(steps::read(tx, id))).await
    }

    /// Lists runs of a kind in a state (none: all that have not ended) with an id above `after`, at most [`MAX_LISTED`].
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        kind: &str,
        state: Option<RunState>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<RunRow>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![kind, state.map_or(-1, RunState::number), after, limit.min(MAX_LISTED)];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(LIST.on(engine), values).await?) })
            })
            .await?;
        Ok(rows.iter().map(RunRow::read).collect::<Result<_, _>>()?)
    }

    /// Counts the runs that have not ended, by kind, version and state, at most [`MAX_LISTED`] of them.
    ///
    /// # Errors
    /// The store's.
    pub async fn counts(&self) -> Result<Vec<RunCount>, WorkError> {
        let engine = self.store.engine();
        let rows = self
            .store
            .read(|tx| {
                let values = args![MAX_LISTED];
                Box::pin(async move { Ok::<_, WorkError>(tx.fetch_all(COUNTS.on(engine), values).await?) })
            })
            .await?;
        let read = |row: &Row| {
            let state = RunState::of(row.get("state")?);
            let (kind, version) = (row.get("kind")?, row.get("version")?);
            Ok::<_, StoreError>(RunCount { kind, version, state, runs: row.get("runs")?, stalled: row.get("stalled")? })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Cancels a run: it is looked at between steps, and then the steps that have begun are undone. Returns false when the run has ended, is
    /// undone already, or needs a decision.
    ///
    /// # Errors
    /// [`Refusal::Run`] when there is no such run, else the store's.
    pub async fn cancel(&self, message_id: &str) -> Result<bool, WorkError> {
        self.change(message_id, |tx, run| {
            Box::pin(async move {
                if !matches!(run.state, RunState::Ready | RunState::Waiting) {
                    return Ok(false);
                }
                tx.execute(CANCEL.on(tx.engine()), args![run.id, true]).await?;
                if run.state == RunState::Waiting {
                    hand_on(tx, run.next(), RunState::Ready, Begin::Now).await?;
                }
                Ok(true)
            })
        })
        .await
    }

    /// Lets a run go on that needs a decision or is stalled, from the step at which it stopped. Returns false for any other.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume(&self, message_id: &str) -> Result<bool, WorkError> {
        let is_stalled = self.get(message_id).await?.is_some_and(|run| run.is_stalled);
        self.change(message_id, move |tx, run| {
            Box::pin(async move {
                if run.state != RunState::NeedsDecision && (!is_stalled || run.state.has_ended()) {
                    return Ok(false);
                }
                // A cancellation that needed a decision is over with it.
                tx.execute(CANCEL.on(tx.engine()), args![run.id, false]).await?;
                let state = if run.undoing { RunState::Undoing } else { RunState::Ready };
                hand_on(tx, run.next(), state, Begin::Now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Undoes the steps of a run that needs a decision. Returns false for any other.
    ///
    /// # Errors
    /// The store's.
    pub async fn undo(&self, message_id: &str) -> Result<bool, WorkError> {
        self.change(message_id, |tx, run| {
            Box::pin(async move {
                if run.state != RunState::NeedsDecision {
                    return Ok(false);
                }
                tx.execute(END.on(tx.engine()), args![run.id, RunState::Undoing.number(), ""]).await?;
                hand_on(tx, run.next(), RunState::Undoing, Begin::Now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Gives up a run that needs a decision, as it is, with a reason. Returns false for any other.
    ///
    /// # Errors
    /// The store's.
    pub async fn abandon(&self, message_id: &str, reason: &str) -> Result<bool, WorkError> {
        let reason = reason.to_owned();
        self.change(message_id, move |tx, run| {
            let reason = reason.clone();
            Box::pin(async move {
                if run.state != RunState::NeedsDecision {
                    return Ok(false);
                }
                tx.execute(END.on(tx.engine()), args![run.id, RunState::Abandoned.number(), reason]).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Moves a run that needs a decision to another version of its ratchet; [`RunStore::resume`] lets it go on there. Returns false for any other.
    ///
    /// # Errors
    /// The store's.
    pub async fn move_to_version(&self, message_id: &str, version: u16) -> Result<bool, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                let values = args![message_id, version];
                Box::pin(async move { Ok(tx.execute(VERSION.on(engine), values).await? == 1) })
            })
            .await
    }

    /// Deletes runs that ended longer ago than the retention, with their steps and signals, at most [`MAX_LISTED`] in one call; returns their
    /// number. A run of the same message id can be started again then.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_ended(&self, retention: Duration) -> Result<u64, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                Box::pin(async move {
                    let rows = tx.fetch_all(OLD.on(engine), args![micros(retention), MAX_LISTED]).await?;
                    let ids = rows.iter().map(|row| row.get("id")).collect::<Result<Vec<i64>, _>>()?;
                    if ids.is_empty() {
                        return Ok(0);
                    }
                    tx.execute(PURGE_SIGNALS.on(engine), args![ids.clone()]).await?;
                    tx.execute(PURGE_STEPS.on(engine), args![ids.clone()]).await?;
                    Ok::<_, WorkError>(tx.execute(PURGE.on(engine), args![ids]).await?)
                })
            })
            .await
    }

    /// Locks a run and changes it.
    async fn change<F>(&self, message_id: &str, change: F) -> Result<bool, WorkError>
    where
        F: for<'t> Fn(&'t mut Transaction, Locked) -> BoxFuture<'t, Result<bool, WorkError>> + Send + Sync + 'static,
    {
        let change = Arc::new(change);
        self.store
            .write(|tx| {
                let (change, message_id) = (change.clone(), message_id.to_owned());
                Box::pin(async move {
                    let run = lock(tx, &message_id).await?;
                    change(tx, run).await
                })
            })
            .await
    }
}
