//! Operator overrides of policies: each [signed](Signed), in force at once, and written to the log.
//!
//! - `PUT /policies/NAME/breaker`: `{"order": "open" | "closed" | "disabled", "author": .., "reason": ..}`
//! - `DELETE /policies/NAME/breaker`: the breaker decides again; `{"author": .., "reason": ..}`
//! - `PATCH /policies/NAME`: `{"author": .., "reason": .., "attempts": .., "permits": .., "queue": .., "rate": .., "burst": ..}`, what is to
//!   change; a rate is one a second; with `"group": ..` permits and queue are those of that group of callers
//!
//! The state of a policy is in `/health` and `/metrics`, table `policy`.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, put};
use border::Problem;
use client::{ByResponse, Client};
use resilience::breaker::{Order, Ordered};
use resilience::rate_limit::RateRules;
use resilience::{Policy, Rules};
use serde::Deserialize;

use crate::operator::Signed;

pub(crate) fn routes(client: Client) -> Router {
    Router::new()
        .route("/policies/{name}", patch(change))
        .route("/policies/{name}/breaker", put(order).delete(take_back))
        .with_state(client)
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Open,
    Closed,
    Disabled,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakerOrder {
    order: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    attempts: Option<u32>,
    permits: Option<u32>,
    group: Option<String>,
    queue: Option<u32>,
    rate: Option<u32>,
    burst: Option<u32>,
}

async fn order(
    State(client): State<Client>,
    Path(name): Path<String>,
    given: Signed<BreakerOrder>,
) -> Result<Response, Problem> {
    let policy = policy(&client, &name)?;
    let order = match given.asked.order {
        Wanted::Open => Order::Open,
        Wanted::Closed => Order::Closed,
        Wanted::Disabled => Order::Disabled,
    };
    let Signed { author, reason, .. } = given;
    tracing::warn!(policy = name, order = order.name(), author, reason, "an operator overrode a breaker");
    policy.order(Some(Ordered { order, author, reason }));
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn take_back(State(client): State<Client>, Path(name): Path<String>, given: Signed) -> Result<Response, Problem> {
    let policy = policy(&client, &name)?;
    let Signed { author, reason, .. } = given;
    tracing::warn!(policy = name, author, reason, "an operator withdrew the order to a breaker");
    policy.order(None);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn change(
    State(client): State<Client>,
    Path(name): Path<String>,
    given: Signed<Change>,
) -> Result<Response, Problem> {
    let policy = policy(&client, &name)?;
    let Change { attempts, permits, queue, rate, burst, .. } = given.asked;
    let group = given.asked.group.clone();
    let rules = given.asked.applied(Rules::clone(&policy.rules()))?;
    let Signed { author, reason, .. } = given;
    policy.change(rules).map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()))?;
    tracing::warn!(
        policy = name,
        ?attempts,
        ?group,
        ?permits,
        ?queue,
        ?rate,
        ?burst,
        author,
        reason,
        "an operator changed a policy"
    );
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn policy(client: &Client, name: &str) -> Result<Policy<ByResponse>, Problem> {
    client.policy(name).ok_or_else(|| {
        let detail = format!("there is no policy {name:?}; /health lists them, table policy");
        Problem::new(StatusCode::NOT_FOUND, detail)
    })
}

impl Change {
    /// Returns these rules with the changes applied.
    fn applied(&self, mut rules: Rules) -> Result<Rules, Problem> {
        if [self.attempts, self.permits, self.queue, self.rate, self.burst] == [None; 5] {
            let detail = "nothing is to change: say attempts, permits, queue, rate or burst";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        let off = |guard: &str| {
            let detail = format!("the service has no {guard} there: it can only be given one in its code");
            Problem::new(StatusCode::CONFLICT, detail)
        };
        if let Some(attempts) = self.attempts {
            rules.retry.as_mut().ok_or_else(|| off("retry"))?.attempts = attempts;
        }
        if self.permits.is_some() || self.queue.is_some() {
            let bulkhead = match &self.group {
                None => rules.bulkhead.as_mut().ok_or_else(|| off("bulkhead"))?,
                Some(name) => {
                    let group = rules.groups.iter_mut().find(|group| *group.name == **name);
                    &mut group.ok_or_else(|| off(&format!("group {name:?}")))?.bulkhead
                }
            };
            bulkhead.permits = self.permits.unwrap_or(bulkhead.permits);
            bulkhead.queue = self.queue.unwrap_or(bulkhead.queue);
        } else if let Some(name) = &self.group {
            let detail = format!("nothing of the group {name:?} is to change: say permits or queue");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        if let Some(rate) = self.rate {
            // Also where there was none: in an emergency a limit is what is wanted.
            let new = RateRules::default().rate(rate).per(Duration::from_secs(1)).burst(rate).patience(Duration::ZERO);
            rules.rate = Some(rules.rate.map_or(new, |known| known.rate(rate).per(new.per)));
        }
        if let Some(burst) = self.burst {
            rules.rate.as_mut().ok_or_else(|| off("rate limit"))?.burst = burst;
        }
        Ok(rules)
    }
}
