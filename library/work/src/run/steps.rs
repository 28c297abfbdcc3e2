//! The steps of a run in the database.

use std::time::SystemTime;

use ::store::{Row, StoreError, Transaction, args};
use serde::Serialize;

use crate::error::WorkError;
use crate::job::enqueue::moment;
use crate::statement::{Statement, statement};
use crate::written::{rfc3339, rfc3339_or_none};

const STEPS: Statement = statement!("run_steps");
const INTENT: Statement = statement!("step_intent");
const DONE: Statement = statement!("step_done");
const UNDONE: Statement = statement!("step_undone");
/// Maximum size of the result of a step in bytes of JSON.
pub const MAX_RESULT: usize = 64 << 10;

/// A step of a run that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StepRow {
    /// The name.
    pub name: String,
    /// The kind of the step when it began.
    pub fingerprint: String,
    /// The moment of the intent of a call, or of the commit of another step.
    #[serde(serialize_with = "rfc3339")]
    pub intent_at: SystemTime,
    /// The result, as JSON; none for a call that may have taken effect.
    pub result: Option<String>,
    /// The moment of the result.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub done_at: Option<SystemTime>,
    /// The moment of the undo.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub undone_at: Option<SystemTime>,
}

impl StepRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let at = |name: &str| row.get::<Option<i64>>(name).map(|at| at.map(moment));
        Ok(Self {
            name: row.get("name")?,
            fingerprint: row.get("fingerprint")?,
            intent_at: moment(row.get("intent_at")?),
            result: row.get("result")?,
            done_at: at("done_at")?,
            undone_at: at("undone_at")?,
        })
    }

    /// A step that has just begun, for tests.
    #[cfg(test)]
    pub(super) fn begun(name: &str, fingerprint: &str) -> Self {
        Self {
            name: name.to_owned(),
            fingerprint: fingerprint.to_owned(),
            intent_at: SystemTime::UNIX_EPOCH,
            result: None,
            done_at: None,
            undone_at: None,
        }
    }
}

/// Reads the steps of a run in the order in which they began.
pub(super) async fn read(tx: &mut Transaction, run: i64) -> Result<Vec<StepRow>, WorkError> {
    let rows = tx.fetch_all(STEPS.on(tx.engine()), args![run]).await?;
    Ok(rows.iter().map(StepRow::read).collect::<Result<_, _>>()?)
}

/// Stores the intent of a call.
pub(super) async fn intend(tx: &mut Transaction, run: i64, name: &str, kind: &str) -> Result<(), WorkError> {
    tx.execute(INTENT.on(tx.engine()), args![run, name, kind]).await?;
    Ok(())
}

/// Stores the result of a step.
pub(super) async fn finish(
    tx: &mut Transaction,
    run: i64,
    name: &str,
    kind: &str,
    result: &str,
) -> Result<(), WorkError> {
    tx.execute(DONE.on(tx.engine()), args![run, name, kind, result]).await?;
    Ok(())
}

/// Marks a step as undone.
pub(super) async fn undo(tx: &mut Transaction, run: i64, name: &str) -> Result<(), WorkError> {
    tx.execute(UNDONE.on(tx.engine()), args![run, name]).await?;
    Ok(())
}
