//! Routes of the admin listener for subscriptions and leases: lists, and the levers of operators.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use border::Problem;
use serde::Deserialize;
use serde_json::json;
use store::Store;
use vitals::Registry;
use work::LeaseStore;
use work::subscription::{MAX_LISTED, SubscriptionStore};

use super::change::{Change, problem};
use crate::operator::Signed;

#[derive(Clone)]
struct Rows {
    subscriptions: SubscriptionStore,
    leases: LeaseStore,
    registry: Registry,
}

pub(super) fn routes(store: &Store, registry: Registry) -> Router {
    let (subscriptions, leases) = (SubscriptionStore::new(store), LeaseStore::new(store));
    Router::new()
        .route("/subscriptions", get(list))
        .route("/subscriptions/{name}/pause", put(pause).delete(resume))
        .route("/leases", get(held))
        .route("/leases/{name}/release", post(release))
        .with_state(Rows { subscriptions, leases, registry })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    fence: i64,
}

async fn list(State(rows): State<Rows>) -> Result<Response, Problem> {
    let subscriptions = rows.subscriptions.list("", MAX_LISTED).await.map_err(problem)?;
    Ok(Json(json!({ "subscriptions": subscriptions })).into_response())
}

async fn pause(State(rows): State<Rows>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    rows.must_be_there(&name).await?;
    let change = Change { part: "subscriptions", name: "pause-subscription", target: &name };
    change.apply(&rows.registry, by, "it is not active", rows.subscriptions.pause(&name)).await
}

async fn resume(State(rows): State<Rows>, Path(name): Path<String>, by: Signed) -> Result<Response, Problem> {
    rows.must_be_there(&name).await?;
    let change = Change { part: "subscriptions", name: "resume-subscription", target: &name };
    change.apply(&rows.registry, by, "it is neither paused nor halted", rows.subscriptions.resume(&name)).await
}

async fn held(State(rows): State<Rows>) -> Result<Response, Problem> {
    let leases = rows.leases.list("", work::lease::MAX_LISTED).await.map_err(problem)?;
    Ok(Json(json!({ "leases": leases })).into_response())
}

async fn release(State(rows): State<Rows>, Path(name): Path<String>, by: Signed<Release>) -> Result<Response, Problem> {
    by.confirm(&name)?;
    let fence = by.asked.fence;
    let change = Change { part: "leases", name: "release-lease", target: &name };
    let otherwise = "no lease of this name has this fence: see GET /leases";
    change.apply(&rows.registry, by, otherwise, rows.leases.release(&name, fence)).await
}

impl Rows {
    async fn must_be_there(&self, name: &str) -> Result<(), Problem> {
        match self.subscriptions.get(name).await.map_err(problem)? {
            Some(_) => Ok(()),
            None => Err(Problem::new(
                StatusCode::NOT_FOUND,
                format!("there is no subscription {name}: GET /subscriptions lists them"),
            )),
        }
    }
}
