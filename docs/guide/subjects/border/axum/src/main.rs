//! A small shop: axum as its documentation has it, without a layer, and a dependency over reqwest.

use std::hint::black_box;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Clone, Default)]
struct App {
    client: reqwest::Client,
    rates: String,
}

#[derive(Deserialize)]
struct Basket {
    item: String,
    amount: u32,
}

#[derive(Deserialize)]
struct Rate {
    rate: f64,
}

/// About 5 ms of a processor.
fn work() -> u64 {
    (0..4_000_000_u64).fold(7, |state, step| black_box(state.rotate_left(5) ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

async fn one(Path(id): Path<u64>) -> Json<Value> {
    Json(json!({ "id": id, "digest": work() }))
}

async fn search() -> Json<Value> {
    Json(json!({ "found": [work()] }))
}

async fn price(Json(basket): Json<Basket>) -> Json<Value> {
    Json(json!({ "item": basket.item, "price": 100 * u64::from(basket.amount) }))
}

async fn rate(State(app): State<App>, Path(code): Path<String>) -> Result<Json<Value>, StatusCode> {
    let answer = app.client.get(format!("{}/rates/{code}", app.rates)).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let rate: Rate = answer.json().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Json(json!({ "rate": rate.rate })))
}

async fn report() -> Json<Value> {
    tokio::time::sleep(Duration::from_secs(20)).await;
    Json(json!({ "report": "done" }))
}

async fn broken() -> Json<Value> {
    panic!("the handler fails")
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let rates = std::env::var("RATES_URL").unwrap_or("http://127.0.0.1:18740".into());
    let router = Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/items/{id}", get(one))
        .route("/orders/{id}", get(one))
        .route("/search", get(search))
        .route("/suggestions", get(search))
        .route("/prices", post(price))
        .route("/rates/{code}", get(rate))
        .route("/report", get(report))
        .route("/broken", get(broken))
        .with_state(App { rates, ..App::default() });
    let port = std::env::var("PORT").unwrap_or("18744".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router).await
}
