//! The partner bank of the ledger: idempotent payouts, and a behaviour that can be changed at run time.
//!
//! `PUT /behaviour {"mode": "hang"}` on the admin listener changes how `POST /v1/payouts` is answered:
//!
//! | mode | on the wire |
//! |---|---|
//! | normal | 201 |
//! | slow | 201 after `millis` |
//! | hang | the work is not done, nothing is answered (the border ends it with 504 at its deadline) |
//! | drip | 201 whose body comes a byte every `millis` |
//! | reset | the connection is broken off after the head |
//! | garbage | 200 with bytes that are no JSON |
//! | truncate | 201 that announces more than it sends |
//! | error | 500, nothing is done |
//! | lose_answer | the work is done, then the connection is broken off |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel::axum::body::{Body, Bytes};
use evenkeel::axum::http::{HeaderMap, header};
use evenkeel::prelude::*;
use serde::{Deserialize, Serialize};

/// Payouts remembered; then the bank takes no more, because forgetting one could pay it twice.
const MAX_PAYOUTS: usize = 1_000_000;

/// How payouts are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As a bank should.
    #[default]
    Normal,
    /// Late.
    Slow,
    /// Never.
    Hang,
    /// A byte at a time.
    Drip,
    /// Broken off at once.
    Reset,
    /// Bytes that are no JSON.
    Garbage,
    /// Less than announced.
    Truncate,
    /// 500.
    Error,
    /// Broken off after the work is done.
    LoseAnswer,
}

/// The mode, and its measure of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// How payouts are answered.
    pub mode: Mode,
    /// Milliseconds, for slow and drip.
    #[serde(default = "default_millis")]
    pub millis: u64,
}

fn default_millis() -> u64 {
    1000
}

/// What the ledger asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// Minor units.
    pub amount: i64,
    /// Three capitals.
    pub currency: String,
    /// Where the money goes.
    pub destination: String,
}

/// The bank. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    inner: Arc<Mutex<Books>>,
}

#[derive(Debug)]
struct Books {
    behaviour: Behaviour,
    /// By idempotency key.
    paid: HashMap<String, Payout>,
}

impl Default for Books {
    fn default() -> Self {
        let behaviour = Behaviour { mode: Mode::Normal, millis: default_millis() };
        Self { behaviour, paid: HashMap::new() }
    }
}

impl Bank {
    fn books(&self) -> MutexGuard<'_, Books> {
        // Every change of the books is a single insertion: they are whole whatever happened to the holder.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays once for each key.
    fn pay(&self, key: &str, payout: &Payout) -> Result<(), Problem> {
        let mut books = self.books();
        if let Some(known) = books.paid.get(key) {
            let reused = || Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this key was used for another payout");
            return if known == payout { Ok(()) } else { Err(reused()) };
        }
        if payout.amount <= 0 || payout.destination.is_empty() {
            let detail = "a payout has an amount of at least 1 and a destination";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        if payout.destination.starts_with("refuse") {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "there is no such destination"));
        }
        if books.paid.len() >= MAX_PAYOUTS {
            return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "the books are full; start the bank anew"));
        }
        books.paid.insert(key.to_owned(), payout.clone());
        Ok(())
    }
}

/// The public routes.
pub fn routes(bank: Bank) -> Router {
    Router::new()
        .route("/v1/payouts", post(pay))
        .route("/v1/payouts/{key}", get(one))
        .route("/v1/total", get(total))
        .route("/livez", get(async || "live\n"))
        .with_state(bank)
}

/// The routes of the admin listener.
pub fn admin_routes(bank: Bank) -> Router {
    Router::new().route("/behaviour", get(behaviour).put(behave)).with_state(bank)
}

async fn pay(State(bank): State<Bank>, headers: HeaderMap, Json(payout): Json<Payout>) -> Response {
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned) else {
        return Problem::new(StatusCode::BAD_REQUEST, "the header Idempotency-Key is needed").into_response();
    };
    let behaviour = bank.books().behaviour;
    let wait = Duration::from_millis(behaviour.millis);
    match behaviour.mode {
        Mode::Hang => return std::future::pending().await,
        Mode::Error => return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "told to fail").into_response(),
        Mode::Garbage => {
            return (StatusCode::OK, Bytes::from_static(b"\x00\xffnot what you asked for")).into_response();
        }
        Mode::Reset => return broken_off(StatusCode::CREATED, ""),
        Mode::Slow => tokio::time::sleep(wait).await,
        Mode::Normal | Mode::Drip | Mode::Truncate | Mode::LoseAnswer => {}
    }
    if let Err(refusal) = bank.pay(&key, &payout) {
        return refusal.into_response();
    }
    let body = serde_json::json!({ "key": key, "status": "paid" });
    match behaviour.mode {
        Mode::LoseAnswer => broken_off(StatusCode::CREATED, ""),
        Mode::Truncate => broken_off(StatusCode::CREATED, &body.to_string()[..5]),
        Mode::Drip => dripped(StatusCode::CREATED, body.to_string(), wait),
        _ => (StatusCode::CREATED, Json(body)).into_response(),
    }
}

async fn one(State(bank): State<Bank>, Path(key): Path<String>) -> Result<Json<Payout>, StatusCode> {
    bank.books().paid.get(&key).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn total(State(bank): State<Bank>) -> Json<serde_json::Value> {
    let books = bank.books();
    let amount: i128 = books.paid.values().map(|payout| i128::from(payout.amount)).sum();
    Json(serde_json::json!({ "count": books.paid.len(), "amount": amount.to_string() }))
}

async fn behaviour(State(bank): State<Bank>) -> Json<Behaviour> {
    Json(bank.books().behaviour)
}

async fn behave(State(bank): State<Bank>, Json(behaviour): Json<Behaviour>) -> Json<Behaviour> {
    bank.books().behaviour = behaviour;
    Json(behaviour)
}

/// A head that announces a body, the start of it, and the end of the connection.
fn broken_off(status: StatusCode, start: &str) -> Response {
    let pieces = [Ok(Bytes::copy_from_slice(start.as_bytes())), Err(std::io::Error::other("told to break off"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_LENGTH, "60")], body).into_response()
}

fn dripped(status: StatusCode, text: String, every: Duration) -> Response {
    let bytes = futures_util::stream::unfold(text.into_bytes().into_iter(), move |mut rest| async move {
        tokio::time::sleep(every).await;
        rest.next().map(|byte| (Ok::<_, std::io::Error>(Bytes::from(vec![byte])), rest))
    });
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from_stream(bytes)).into_response()
}
