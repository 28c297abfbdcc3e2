//! Routes of the admin listener for the event log: pages of it, in its order.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use border::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use store::Store;
use work::EventLog;
use work::event::{Cursor, StoredEvent};

use super::change::problem;

/// Events of one page.
const PAGE: usize = 100;

pub(super) fn routes(store: &Store) -> Router {
    Router::new().route("/events", get(list)).with_state(EventLog::new(store))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    #[serde(default)]
    after: String,
}

async fn list(State(log): State<EventLog>, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    let after = match query.after.as_str() {
        "" => Ok(Cursor::START),
        text => text.parse::<Cursor>(),
    };
    let after = after.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("after: {error}")))?;
    // The end first: events behind it may be on the page, and none before it is left out of the pages that follow.
    let end = log.head().await.map_err(problem)?;
    let events = log.read(after, PAGE).await.map_err(problem)?;
    let next = events.last().filter(|_| events.len() == PAGE).map(|last| last.cursor);
    let events: Vec<Value> = events.iter().map(document).collect();
    Ok(Json(json!({ "events": events, "next": next, "end": end })).into_response())
}

fn document(event: &StoredEvent) -> Value {
    let payload: Value = serde_json::from_str(&event.payload).unwrap_or_else(|_| Value::String(event.payload.clone()));
    json!({
        "cursor": event.cursor,
        "message_id": event.message_id,
        "stream": event.stream,
        "version": event.version,
        "kind": event.kind,
        "schema_version": event.schema_version,
        "payload": payload,
        "trace": event.trace,
    })
}
