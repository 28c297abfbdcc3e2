//! Routes of the admin listener for jobs: lists, and the operations of operators, each with its author and reason.
//!
//! `GET` only reads. `docs/guide/admin.md` lists the requests.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use border::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use vitals::Registry;
use work::job::{JobFilter, JobState, MAX_BATCH, MAX_PAGE};
use work::{JobStore, WorkError};

use super::documents::{dead_document, document};
use super::operation::Operation;
use crate::idempotent::problem_of;
use crate::operator::Signed;

/// State of the routes.
#[derive(Clone)]
struct Jobs {
    jobs: JobStore,
    registry: Registry,
}

pub(crate) fn routes(jobs: JobStore, registry: Registry) -> Router {
    Router::new()
        .route("/jobs", get(list))
        .route("/jobs/{id}", get(job))
        .route("/jobs/retry", post(retry))
        .route("/jobs/cancel", post(cancel))
        .route("/dead-letters", get(dead_letters))
        .route("/dead-letters/{id}", get(dead_letter))
        .route("/dead-letters/{id}/payload", put(edit))
        .route("/dead-letters/redrive", post(redrive))
        .route("/dead-letters/drop", post(drop_dead))
        .route("/queues", get(queues))
        .route("/queues/{name}", patch(limit))
        .route("/queues/{name}/pause", put(pause_queue).delete(resume_queue))
        .route("/kinds", get(kinds))
        .route("/kinds/{name}/pause", put(pause_kind).delete(resume_kind))
        .route("/schedules/{name}/pause", put(pause_schedule).delete(resume_schedule))
        .with_state(Jobs { jobs, registry })
}

/// The query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    queue: Option<String>,
    kind: Option<String>,
    state: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadQuery {
    queue: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ids {
    ids: Vec<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    payload: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    running: Option<u32>,
    rate: Option<u32>,
}

async fn list(State(state): State<Jobs>, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    let filter =
        JobFilter { queue: query.queue, kind: query.kind, state: query.state.as_deref().map(named).transpose()? };
    let page = state.jobs.list(&filter, query.after, page_size(query.limit)?).await.map_err(problem)?;
    Ok(Json(page).into_response())
}

async fn job(State(state): State<Jobs>, Path(id): Path<i64>) -> Result<Response, Problem> {
    let found = document(&state.jobs, id).await.map_err(problem)?;
    found.map(|found| Json(found).into_response()).ok_or_else(|| missing("job", id))
}

async fn dead_letters(State(state): State<Jobs>, Query(query): Query<DeadQuery>) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    let dead = state.jobs.dead_page(query.queue.as_deref(), query.after, limit).await.map_err(problem)?;
    let next = dead.last().filter(|_| dead.len() == limit).map(|last| last.id);
    Ok(Json(json!({ "dead_letters": dead, "next": next })).into_response())
}

async fn dead_letter(State(state): State<Jobs>, Path(id): Path<i64>) -> Result<Response, Problem> {
    let found = dead_document(&state.jobs, id).await.map_err(problem)?;
    found.map(|found| Json(found).into_response()).ok_or_else(|| missing("dead letter", id))
}

async fn queues(State(state): State<Jobs>) -> Result<Response, Problem> {
    let queues = state.jobs.queue_limits().await.map_err(problem)?;
    Ok(Json(json!({ "queues": queues })).into_response())
}

async fn kinds(State(state): State<Jobs>) -> Result<Response, Problem> {
    let paused = state.jobs.paused_kinds().await.map_err(problem)?;
    Ok(Json(json!({ "paused": paused })).into_response())
}

async fn retry(State(state): State<Jobs>, by: Signed<Ids>) -> Result<Response, Problem> {
    on_ids(&state, by, Operation::Retry).await
}

async fn cancel(State(state): State<Jobs>, by: Signed<Ids>) -> Result<Response, Problem> {
    confirmed(&by)?;
    on_ids(&state, by, Operation::Cancel).await
}

async fn redrive(State(state): State<Jobs>, by: Signed<Ids>) -> Result<Response, Problem> {
    on_ids(&state, by, Operation::Redrive).await
}

async fn drop_dead(State(state): State<Jobs>, by: Signed<Ids>) -> Result<Response, Problem> {
    confirmed(&by)?;
    on_ids(&state, by, Operation::Drop).await
}

async fn edit(State(state): State<Jobs>, Path(id): Path<i64>, by: Signed<Edit>) -> Result<Response, Problem> {
    match state.run(Operation::Edit(id, by.asked.payload), by.author, by.reason).await? {
        0 => Err(missing("dead letter", id)),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn limit(State(state): State<Jobs>, Path(queue): Path<String>, by: Signed<Limit>) -> Result<Response, Problem> {
    let Limit { running, rate } = by.asked;
    if running.is_none() && rate.is_none() {
        return Err(wrong("nothing is to change: say running or rate; 0 removes the limit"));
    }
    let operation = Operation::Limit { queue, running, rate };
    state.done(operation, by.author, by.reason).await
}

async fn pause_queue(state: State<Jobs>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    state.done(Operation::PauseQueue(name), by.author, by.reason).await
}

async fn resume_queue(state: State<Jobs>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    state.done(Operation::ResumeQueue(name), by.author, by.reason).await
}

async fn pause_kind(state: State<Jobs>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    state.done(Operation::PauseKind(name), by.author, by.reason).await
}

async fn resume_kind(state: State<Jobs>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    state.done(Operation::ResumeKind(name), by.author, by.reason).await
}

async fn pause_schedule(state: State<Jobs>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    state.done(Operation::PauseSchedule(name), by.author, by.reason).await
}

async fn resume_schedule(state: State<Jobs>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    state.done(Operation::ResumeSchedule(name), by.author, by.reason).await
}

/// Checks that a change which cannot be undone repeats its ids, with commas between.
fn confirmed(by: &Signed<Ids>) -> Result<(), Problem> {
    let ids: Vec<String> = by.asked.ids.iter().map(i64::to_string).collect();
    by.confirm(&ids.join(","))
}

async fn on_ids(state: &Jobs, by: Signed<Ids>, operation: fn(Vec<i64>) -> Operation) -> Result<Response, Problem> {
    let ids = by.asked.ids;
    if ids.is_empty() || ids.len() > MAX_BATCH {
        return Err(wrong(format!("ids must have 1 to {MAX_BATCH} ids")));
    }
    let changed = state.run(operation(ids), by.author, by.reason).await?;
    Ok(Json(json!({ "changed": changed })).into_response())
}

impl Jobs {
    async fn run(&self, operation: Operation, author: String, reason: String) -> Result<u64, Problem> {
        operation.run(&self.jobs, Some(&self.registry), &author, &reason).await.map_err(problem)
    }

    /// Runs an operation on one named thing: no content when it was there.
    async fn done(&self, operation: Operation, author: String, reason: String) -> Result<Response, Problem> {
        match self.run(operation, author, reason).await? {
            0 => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "there is no schedule of this name; /health lists them, table job_schedule",
            )),
            _ => Ok(StatusCode::NO_CONTENT.into_response()),
        }
    }
}

fn named(state: &str) -> Result<JobState, Problem> {
    let states = JobState::ALL.map(JobState::name).join(", ");
    JobState::of_name(state).ok_or_else(|| wrong(format!("{state:?} is no state of a job; these are: {states}")))
}

fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(MAX_PAGE) {
        limit @ 1..=MAX_PAGE => Ok(limit),
        limit => Err(wrong(format!("the limit {limit} is outside of 1 to {MAX_PAGE}"))),
    }
}

fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail.into())
}

fn missing(part: &str, id: i64) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no {part} {id}: it is over, or never was"))
}

fn problem(error: WorkError) -> Problem {
    match error.into_store_error() {
        Ok(error) => problem_of(&error),
        Err(refusal) => wrong(refusal.to_string()),
    }
}
