//! The begin of a turn: the fence of the run rises.

use ::store::{Isolation, Store, args};

use super::state::RunState;
use super::steps::{self, StepRow};
use super::turn::Turn;
use crate::error::WorkError;
use crate::statement::{Statement, statement};

const BEGIN: Statement = statement!("run_begin");

/// A run at the begin of a turn.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: i64,
    pub(super) message_id: String,
    pub(super) kind: String,
    pub(super) version: u16,
    pub(super) state: RunState,
    pub(super) turn: i64,
    pub(super) fence: i64,
    pub(super) waits_for: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) input: String,
    pub(super) steps: Vec<StepRow>,
}

/// Begins a turn; none when the run has moved on to a later one, or has ended.
pub(super) async fn begin(store: &Store, turn: Turn) -> Result<Option<Run>, WorkError> {
    let engine = store.engine();
    store
        .write_at(Isolation::ReadCommitted, |tx| {
            Box::pin(async move {
                let Some(row) = tx.fetch_optional(BEGIN.on(engine), args![turn.run, turn.turn]).await? else {
                    return Ok(None);
                };
                Ok(Some(Run {
                    id: row.get("id")?,
                    message_id: row.get("message_id")?,
                    kind: row.get("kind")?,
                    version: row.get("version")?,
                    state: RunState::of(row.get("state")?),
                    turn: row.get("turn")?,
                    fence: row.get("fence")?,
                    waits_for: row.get("waits_for")?,
                    reason: row.get("reason")?,
                    input: row.get("input")?,
                    steps: steps::read(tx, turn.run).await?,
                }))
            })
        })
        .await
}
