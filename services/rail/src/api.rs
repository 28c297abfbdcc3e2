//! The routes of the public and of the admin listener.

use evenkeel::prelude::*;
use serde::Deserialize;

use crate::bank::{self, Bank, Line, Total, Undecided};
use crate::behaviour::{self, Behaviour, Mode, Switch};

/// Default number of payouts of a page.
const DEFAULT_LIMIT: usize = 50;
/// The most payouts of a page.
const MAX_LIMIT: usize = 200;

/// The state that handlers share. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rail {
    /// The books.
    pub bank: Bank,
    /// Switch for the failure modes of payouts.
    pub switch: Switch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    #[serde(default)]
    after: usize,
    limit: Option<usize>,
}

/// The public routes.
pub fn routes(rail: Rail) -> Router {
    Router::new()
        .route("/v1/payouts", get(list).post(pay))
        .route("/v1/payouts/{key}", get(one))
        .route("/v1/destinations/{destination}", get(destination))
        .route("/v1/messages", post(message))
        .route("/v1/total", get(total))
        .route("/livez", get(async || "live\n"))
        .with_state(rail)
}

/// The routes of the admin listener.
pub fn admin_routes(rail: Rail) -> Router {
    Router::new().route("/behaviour", get(show).put(change)).with_state(rail)
}

/// Pays once for each key.
async fn pay(State(rail): State<Rail>, request: Idempotent<bank::Payout>) -> Response {
    let key = request.key.as_str();
    behaving(rail.switch.now(), StatusCode::CREATED, || rail.bank.decide(key, &request.body).map(|it| it.answer(key)))
        .await
}

/// Answers whether money can be sent to a destination. Asking changes nothing.
async fn destination(State(rail): State<Rail>, Path(destination): Path<String>) -> Response {
    let answer = || {
        let exists = bank::is_payable(&destination);
        Ok((StatusCode::OK, serde_json::json!({ "destination": destination, "exists": exists })))
    };
    behaving(rail.switch.now(), StatusCode::OK, answer).await
}

/// Passes a message on to the holder of a destination. It is kept nowhere: the key makes it safe to repeat, as there is nothing to double.
async fn message(State(rail): State<Rail>, request: Idempotent<bank::Message>) -> Response {
    behaving(rail.switch.now(), StatusCode::CREATED, || Ok(request.body.answer(request.key.as_str()))).await
}

/// Applies the behaviour. In every mode the work is done at most once for a request, and only when the mode does it.
async fn behaving(
    behaviour: Behaviour,
    good: StatusCode,
    work: impl FnOnce() -> Result<(StatusCode, serde_json::Value), Undecided>,
) -> Response {
    match behaviour.mode {
        Mode::Hang => return std::future::pending().await,
        Mode::Error => return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed on request").into_response(),
        Mode::Garbage => return behaviour::garbage(),
        Mode::Reset => return behaviour::broken_off(good, "", 60),
        Mode::Slow => tokio::time::sleep(behaviour.wait()).await,
        Mode::Normal | Mode::Drip | Mode::Truncate | Mode::LoseAnswer => {}
    }
    let (status, body) = match work() {
        Ok(answer) => answer,
        Err(undecided) => return problem_of(&undecided).into_response(),
    };
    let text = body.to_string();
    match behaviour.mode {
        Mode::LoseAnswer => behaviour::broken_off(status, "", text.len()),
        Mode::Truncate => behaviour::broken_off(status, &text[..text.len() / 2], text.len()),
        Mode::Drip => behaviour::dripped(status, text, behaviour.wait()),
        _ => behaviour::whole(status, text),
    }
}

fn problem_of(undecided: &Undecided) -> Problem {
    let status = match undecided {
        Undecided::KeyReused => StatusCode::CONFLICT,
        Undecided::Full => StatusCode::INSUFFICIENT_STORAGE,
    };
    Problem::new(status, undecided.to_string())
}

/// The payouts in the order of their arrival: `after` of them are left out, at most `limit` are shown.
async fn list(State(rail): State<Rail>, Query(paging): Query<Paging>) -> Result<Json<serde_json::Value>, Problem> {
    let limit = paging.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("limit: {limit} is not between 1 and {MAX_LIMIT}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let (lines, more) = rail.bank.page(paging.after, limit);
    let next = more.then(|| paging.after.saturating_add(lines.len()));
    Ok(Json(serde_json::json!({ "items": lines, "next": next })))
}

async fn one(State(rail): State<Rail>, Path(key): Path<String>) -> Result<Json<Line>, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "no payout was requested under this key");
    rail.bank.find(&key).map(Json).ok_or_else(missing)
}

async fn total(State(rail): State<Rail>) -> Json<Total> {
    Json(rail.bank.total())
}

async fn show(State(rail): State<Rail>) -> Json<Behaviour> {
    Json(rail.switch.now())
}

async fn change(State(rail): State<Rail>, Json(behaviour): Json<Behaviour>) -> Result<Json<Behaviour>, Problem> {
    behaviour.check().map_err(|reason| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason))?;
    tracing::info!(?behaviour, "payouts are answered like this from now on");
    rail.switch.set(behaviour);
    Ok(Json(behaviour))
}
