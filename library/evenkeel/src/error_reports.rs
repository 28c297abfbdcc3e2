//! Reports of failures on the admin listener: the groups, and the reports of one.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use border::Problem;
use serde_json::{Value as Json, json};
use telemetry::Timestamp;
use telemetry::errors::{ErrorGroup, Errors};

pub(crate) fn routes<S: Clone + Send + Sync + 'static>(errors: Errors) -> Router<S> {
    Router::new().route("/debug/errors", get(all)).route("/debug/errors/{fingerprint}", get(one)).with_state(errors)
}

/// All groups, the one with the last failure first, without their reports.
async fn all(State(errors): State<Errors>) -> axum::Json<Json> {
    let groups: Vec<Json> = errors.groups_now().iter().map(shown).collect();
    axum::Json(json!({ "errors": groups }))
}

/// One group with its reports, the oldest first.
async fn one(State(errors): State<Errors>, Path(fingerprint): Path<String>) -> Result<axum::Json<Json>, Problem> {
    let group = errors.group(&fingerprint).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "there is no failure with this fingerprint; /debug/errors has all of them")
    })?;
    let mut document = shown(&group);
    document["reports"] = group.reports.iter().map(|report| (**report).clone()).collect();
    Ok(axum::Json(document))
}

fn shown(group: &ErrorGroup) -> Json {
    json!({
        "fingerprint": group.fingerprint,
        "work": group.work,
        "method": group.method,
        "name": group.name,
        "kind": group.kind,
        "place": group.place,
        "message": group.message,
        "count": group.count,
        "first": Timestamp(group.first).to_string(),
        "last": Timestamp(group.last).to_string(),
        "report_count": group.reports.len(),
    })
}
