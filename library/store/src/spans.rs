//! Spans of transactions, as OpenTelemetry's semantic conventions for databases say. Statements are `&'static str`: they hold no values.

use telemetry::traces::{SpanKind, finished};
use tokio::time::Instant;

use crate::StoreError;

/// Records a statement that began at `began` and has ended.
pub(crate) fn statement(engine: &'static str, sql: &'static str, began: Instant, error: Option<&StoreError>) {
    finished(SpanKind::Client, began, |span| {
        let operation = operation_of(sql);
        span.set("db.system.name", || engine.into());
        span.set("db.operation.name", || operation.into());
        span.set("db.query.text", || sql.into());
        if let Some(error) = error {
            span.fail(|| kind_of(error).into());
        }
        operation.into()
    });
}

/// Records the wait for a connection and the begin of a transaction.
pub(crate) fn begun(engine: &'static str, began: Instant, error: Option<&StoreError>) {
    finished(SpanKind::Internal, began, |span| {
        span.set("db.system.name", || engine.into());
        if let Some(error) = error {
            span.fail(|| kind_of(error).into());
        }
        "pool wait".into()
    });
}

/// The first word of a statement.
fn operation_of(sql: &'static str) -> &'static str {
    let sql = sql.trim_start();
    sql.find(|c: char| !c.is_ascii_alphabetic()).map_or(sql, |end| &sql[..end])
}

/// A word for the error; its text may quote values.
fn kind_of(error: &StoreError) -> &'static str {
    match error {
        _ if error.is_conflict() => "conflict",
        StoreError::Disconnected(_) => "disconnected",
        StoreError::AcquireTimeout { .. } => "acquire timeout",
        StoreError::Unavailable(_) => "unavailable",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_is_the_first_word() {
        let operations = ["SELECT 1", "  INSERT INTO a", "COMMIT", "-- nothing"].map(operation_of);
        assert_eq!(operations, ["SELECT", "INSERT", "COMMIT", ""]);
    }
}
