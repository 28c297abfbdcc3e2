//! Turns: the jobs that drive runs.

use std::time::SystemTime;

use ::store::{Transaction, args};
use serde::{Deserialize, Serialize};

use super::state::RunState;
use crate::error::WorkError;
use crate::job::enqueue::enqueue;
use crate::job::{Job, NewJob};
use crate::statement::{Statement, statement};

const HAND_ON: Statement = statement!("run_hand_on");
/// The queue of the jobs that drive runs.
pub const QUEUE: &str = "ratchets";

/// The job of one turn of a run. A turn that is not the last one of its run does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub(super) run: i64,
    pub(super) turn: i64,
}

impl Job for Turn {
    const KIND: &'static str = "evenkeel_run_turn";
    const QUEUE: &'static str = QUEUE;
}

/// The begin of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    Now,
    At(SystemTime),
}

/// Hands a run on to a new turn, whose job is enqueued in the same transaction.
pub(super) async fn hand_on(tx: &mut Transaction, turn: Turn, state: RunState, begin: Begin) -> Result<(), WorkError> {
    let job: NewJob = match begin {
        Begin::Now => turn.job(),
        Begin::At(moment) => turn.job().at(moment),
    };
    let job = enqueue(tx, job).await?;
    tx.execute(HAND_ON.on(tx.engine()), args![turn.run, turn.turn, job.id, state.number()]).await?;
    Ok(())
}
