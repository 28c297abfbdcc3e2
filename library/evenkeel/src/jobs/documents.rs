//! One job or dead letter as a JSON document, with its payload and its errors.

use serde_json::{Value, json};
use work::{JobStore, WorkError};

/// A job with its payload and the errors of its attempts.
pub(crate) async fn document(jobs: &JobStore, id: i64) -> Result<Option<Value>, WorkError> {
    let Some((row, payload, trace)) = jobs.job(id).await? else { return Ok(None) };
    let errors = jobs.errors_of(&row.message_id).await?;
    let payload = serde_json::from_str(&payload).unwrap_or(Value::String(payload));
    Ok(Some(json!({ "job": row, "payload": payload, "trace": trace, "errors": errors })))
}

/// A dead letter with its payload and the errors of its attempts.
pub(crate) async fn dead_document(jobs: &JobStore, id: i64) -> Result<Option<Value>, WorkError> {
    let Some(dead) = jobs.dead_letter(id).await? else { return Ok(None) };
    let errors = jobs.errors_of(&dead.message_id).await?;
    Ok(Some(json!({ "dead_letter": dead, "errors": errors })))
}
