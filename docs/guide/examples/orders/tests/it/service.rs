//! The service in the test's process, on free ports of loopback.

use evenkeel::Running;
use evenkeel::prelude::*;
use orders::Settings;

/// Starts the service with an empty database in memory. The stock is at this URL.
pub(crate) async fn started(stock: &str) -> Running<Settings, Store> {
    let stock = format!("--stock-url={stock}");
    let anywhere = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
    let arguments = anywhere.into_iter().chain(["--database-url=sqlite::memory:", &stock]);
    let running = orders::service().start(arguments).await.unwrap();
    running.ready().await.unwrap();
    running
}

#[tokio::test]
async fn an_order_needs_an_idempotency_key() {
    let running = started("http://127.0.0.1:1").await;
    let client = running.client();
    let order = client.post(&running.url("/orders")).body("application/json", r#"{"item": "pen"}"#);
    let answer = order.send().await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    running.stop().await.unwrap();
}
