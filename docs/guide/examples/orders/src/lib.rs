//! A service that takes orders and asks another service for the stock.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::vitals;
use serde::Deserialize;

/// Settings of the service.
#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    /// URL of the service that knows the stock.
    #[arg(long, env = "STOCK_URL")]
    pub stock_url: Url,
}

/// The service. `main` runs it as a program, and a test starts it.
pub fn service() -> Service<Settings, Store> {
    Service::new(build_info!())
        .settings::<Settings>()
        .store(migrations())
        .dependency("stock", |settings| Dependency::http(&settings.stock_url))
        .routes(routes)
}

/// The migrations of its database.
pub fn migrations() -> Vec<Migration> {
    vec![Migration::both(1, "orders", "CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT NOT NULL)")]
}

/// The routes of the public listener.
pub fn routes(context: &Context<Settings, Store>) -> Router {
    Router::new().route("/orders", post(order)).route("/stock", get(stock)).with_state(context.clone())
}

/// The body of a new order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    item: String,
}

async fn order(
    State(context): State<Context<Settings, Store>>,
    new: Idempotent<NewOrder>,
) -> Result<Response, Problem> {
    let work = context.store().once(&new.key, new.fingerprint, |tx| {
        let (id, item) = (vitals::new_id("o"), new.body.item.clone());
        Box::pin(async move {
            insert(tx, &id, &item).await?;
            Ok::<_, StoreError>(OnceOutcome::Commit(StoredResponse::new(201, "text/plain", id)))
        })
    });
    work.await.map(recorded).map_err(|error| problem_of(&error))
}

/// Writes an order.
///
/// # Errors
/// Those of the store; a second order with the same id is [`StoreError::Constraint`].
pub async fn insert(tx: &mut Transaction, id: &str, item: &str) -> Result<(), StoreError> {
    tx.execute("INSERT INTO orders (id, item) VALUES ($1, $2)", args![id, item]).await.map(drop)
}

async fn stock(State(context): State<Context<Settings, Store>>) -> Result<String, Problem> {
    let call = context.client().dependency("stock").get("/stock").total_timeout(Duration::from_millis(500));
    match call.send().await {
        Ok(answer) if answer.status.is_success() => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
        Ok(answer) => Err(Problem::new(StatusCode::BAD_GATEWAY, format!("the stock answered {}", answer.status))),
        Err(error) => Err(context.refusal(&error)),
    }
}

/// Asks once a second whether an order was delivered, for at most a minute.
pub async fn was_delivered(ask: impl AsyncFn() -> bool) -> bool {
    let delivered = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), delivered).await.is_ok()
}
