//! Routes of the admin listener for the runs of ratchets: lists, and the levers of operators.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use border::Problem;
use serde::Deserialize;
use serde_json::json;
use store::Store;
use vitals::Registry;
use work::run::{RunState, RunStore};

use super::change::{Change, problem};
use crate::operator::Signed;

/// Runs of one page.
const PAGE: usize = 100;

#[derive(Clone)]
struct Runs {
    runs: RunStore,
    registry: Registry,
}

pub(super) fn routes(store: &Store, registry: Registry) -> Router {
    Router::new()
        .route("/runs", get(list))
        .route("/runs/{id}", get(one))
        .route("/runs/{id}/cancel", post(cancel))
        .route("/runs/{id}/resume", post(resume))
        .route("/runs/{id}/undo", post(undo))
        .route("/runs/{id}/abandon", post(abandon))
        .route("/runs/{id}/version", put(version))
        .with_state(Runs { runs: RunStore::new(store), registry })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    kind: Option<String>,
    state: Option<String>,
    #[serde(default)]
    after: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    version: u16,
}

async fn list(State(state): State<Runs>, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    let of_state = query.state.as_deref().map(named).transpose()?;
    let Some(kind) = query.kind else {
        let counts = state.runs.counts().await.map_err(problem)?;
        return Ok(Json(json!({ "counts": counts })).into_response());
    };
    let runs = state.runs.list(&kind, of_state, query.after, PAGE).await.map_err(problem)?;
    let next = runs.last().filter(|_| runs.len() == PAGE).map(|last| last.id);
    Ok(Json(json!({ "runs": runs, "next": next })).into_response())
}

async fn one(State(state): State<Runs>, Path(id): Path<String>) -> Result<Response, Problem> {
    let Some(run) = state.runs.get(&id).await.map_err(problem)? else {
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no run of the message id {id}")));
    };
    let steps = state.runs.steps(&run).await.map_err(problem)?;
    Ok(Json(json!({ "run": run, "steps": steps })).into_response())
}

async fn cancel(State(state): State<Runs>, Path(id): Path<String>, by: Signed) -> Result<Response, Problem> {
    let change = of_run("cancel-run", &id);
    change.apply(&state.registry, by, "only a ready or waiting run can be cancelled", state.runs.cancel(&id)).await
}

async fn resume(State(state): State<Runs>, Path(id): Path<String>, by: Signed) -> Result<Response, Problem> {
    let change = of_run("resume-run", &id);
    let otherwise = "only a run that needs a decision or has lost its job can be resumed";
    change.apply(&state.registry, by, otherwise, state.runs.resume(&id)).await
}

async fn undo(State(state): State<Runs>, Path(id): Path<String>, by: Signed) -> Result<Response, Problem> {
    let change = of_run("undo-run", &id);
    change.apply(&state.registry, by, "only a run that needs a decision can be undone", state.runs.undo(&id)).await
}

async fn abandon(State(state): State<Runs>, Path(id): Path<String>, by: Signed) -> Result<Response, Problem> {
    by.confirm(&id)?;
    let change = of_run("abandon-run", &id);
    let why = format!("{}: {}", by.author, by.reason);
    let otherwise = "only a run that needs a decision can be given up";
    change.apply(&state.registry, by, otherwise, state.runs.abandon(&id, &why)).await
}

async fn version(State(state): State<Runs>, Path(id): Path<String>, by: Signed<Version>) -> Result<Response, Problem> {
    let version = by.asked.version;
    let change = of_run("move-run", &id);
    let otherwise = "only a run that needs a decision can be moved to another version";
    change.apply(&state.registry, by, otherwise, state.runs.move_to_version(&id, version)).await
}

fn of_run<'a>(name: &'static str, target: &'a str) -> Change<'a> {
    Change { part: "runs", name, target }
}

fn named(state: &str) -> Result<RunState, Problem> {
    RunState::of_name(state).ok_or_else(|| {
        let states = RunState::ALL.map(RunState::name).join(", ");
        let detail = format!("{state:?} is no state of a run; these are: {states}");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    })
}
