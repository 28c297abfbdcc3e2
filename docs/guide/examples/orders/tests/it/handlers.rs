//! Handlers without a socket: the router is called as a function.

use evenkeel::axum::body::{Body, to_bytes};
use evenkeel::axum::extract::Request;
use evenkeel::prelude::*;
use evenkeel::vitals::Registry;
use evenkeel::{Border, Limits};
use tower::ServiceExt;

use crate::service::started;

#[tokio::test]
async fn an_order_is_created() {
    let running = started("http://127.0.0.1:1").await;
    let context = running.ready().await.unwrap();
    let request = Request::post("/orders")
        .header("content-type", "application/json")
        .header("idempotency-key", "key-1")
        .body(Body::from(r#"{"item": "pen"}"#))
        .unwrap();
    let answer = orders::routes(&context).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let id = to_bytes(answer.into_body(), 1024).await.unwrap();
    assert!(id.starts_with(b"o_"), "{id:?}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_the_border() {
    let limits = Limits::default().with(|limits| limits.body_bytes = 16);
    let border = Border::new("public", limits, &Registry::new());
    let app = border.around(Router::new().route("/echo", post(async |body: String| body)));
    let request = |length| Request::post("/echo").header("host", "localhost").body(Body::from("x".repeat(length)));
    let answer = app.clone().oneshot(request(16).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = app.oneshot(request(17).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
