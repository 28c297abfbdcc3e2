//! Prices in other currencies: axum, and a dependency over reqwest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tower_http::trace::TraceLayer;

#[derive(Clone, Default)]
struct App {
    client: reqwest::Client,
    rates: String,
    orders: Arc<Mutex<HashMap<u64, Order>>>,
}

#[derive(Clone, Serialize)]
struct Order {
    id: u64,
    item: String,
    amount: u32,
}

#[derive(Deserialize)]
struct NewOrder {
    item: String,
    amount: u32,
}

#[derive(Deserialize)]
struct Rate {
    rate: f64,
}

async fn price(State(app): State<App>, Path(code): Path<String>) -> Result<Json<serde_json::Value>, StatusCode> {
    let answer = app.client.get(format!("{}/rates/{code}", app.rates)).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let rate: Rate = answer.json().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Json(serde_json::json!({ "code": code, "price": 100.0 * rate.rate })))
}

async fn create(State(app): State<App>, Json(new): Json<NewOrder>) -> (StatusCode, Json<Order>) {
    let mut orders = app.orders.lock().unwrap();
    let order = Order { id: orders.len() as u64 + 1, item: new.item, amount: new.amount };
    orders.insert(order.id, order.clone());
    (StatusCode::CREATED, Json(order))
}

async fn read(State(app): State<App>, Path(id): Path<u64>) -> Result<Json<Order>, StatusCode> {
    app.orders.lock().unwrap().get(&id).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().init();
    let rates = std::env::var("RATES_URL").unwrap_or("http://127.0.0.1:19721".into());
    let app = App { rates, ..App::default() };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/price/{code}", get(price))
        .route("/orders", post(create))
        .route("/orders/{id}", get(read))
        .layer(TraceLayer::new_for_http())
        .with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:19703").await.unwrap();
    axum::serve(listener, router).await.unwrap();
}
