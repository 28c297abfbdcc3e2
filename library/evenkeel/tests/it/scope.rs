//! Idempotency keys belong to the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel::prelude::*;
use evenkeel::settings::NoSettings;
use evenkeel::{Running, client};

/// A service that answers each new request with another number, once for each key.
fn numbers() -> Service<NoSettings, Store> {
    let next = Arc::new(AtomicU32::new(1));
    Service::new(build_info!()).store(Vec::new()).routes(move |context| {
        let store = context.store().clone();
        let take = post(async move |request: Idempotent<serde_json::Value>| {
            let next = next.clone();
            let once = store.once(&request.key, request.fingerprint, move |_tx| {
                let number = next.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move { Ok(OnceOutcome::Commit(StoredResponse::json(201, &number).unwrap())) })
            });
            once.await.map(recorded).map_err(|error: StoreError| problem_of(&error))
        });
        Router::new().route("/numbers", take)
    })
}

async fn start(service: Service<NoSettings, Store>) -> (tempfile::TempDir, Running<NoSettings, Store>) {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/numbers.db", folder.path().display());
    let arguments = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0", &database];
    let running = service.start(arguments).await.unwrap();
    running.ready().await.unwrap();
    (folder, running)
}

/// The number that this caller gets for the key `1`.
async fn number(running: &Running<NoSettings, Store>, client: &client::Client, caller: Option<&str>) -> String {
    let mut call = client.post(&running.url("/numbers")).header("idempotency-key", "1");
    if let Some(caller) = caller {
        call = call.header("x-client-id", caller);
    }
    let answer = call.json(&serde_json::json!({})).send().await.unwrap();
    assert_eq!(answer.status.as_u16(), 201);
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[tokio::test]
async fn two_callers_with_the_same_key_do_not_see_each_others_answers() {
    let told_apart = numbers().caller(|head| head.headers.get("x-client-id")?.to_str().ok().map(str::to_owned));
    let (_folder, running) = start(told_apart).await;
    let client = running.client();
    let first = number(&running, &client, Some("ann")).await;
    let second = number(&running, &client, Some("bob")).await;
    assert_ne!(first, second);
    assert_eq!(number(&running, &client, Some("ann")).await, first);
    // Callers without an identity share one scope.
    let nobody = number(&running, &client, None).await;
    assert!(nobody != first && nobody != second);
    assert_eq!(number(&running, &client, None).await, nobody);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_middleware_of_the_service_can_tell_callers_apart() {
    let (_folder, running) = start(numbers().routes(|context| {
        let store = context.store().clone();
        let scope = post(async move |request: Idempotent<serde_json::Value>| {
            drop(store);
            request.key.scope().to_owned()
        });
        let layer = evenkeel::axum::middleware::from_fn(
            async |mut request: evenkeel::axum::extract::Request, next: evenkeel::axum::middleware::Next| {
                request.extensions_mut().insert(Caller::new("tenant-7"));
                next.run(request).await
            },
        );
        Router::new().route("/scope", scope).layer(layer)
    }))
    .await;
    let client = running.client();
    let call = client.post(&running.url("/scope")).header("idempotency-key", "1");
    let answer = call.json(&serde_json::json!({})).send().await.unwrap();
    assert_eq!(&answer.body[..], b"tenant-7");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_same_key_with_another_query_content_type_or_body_is_refused() {
    let (_folder, running) = start(numbers()).await;
    let client = running.client();
    let send = async |query: &str, kind: &str, body: serde_json::Value| {
        let url = running.url(&format!("/numbers{query}"));
        let call = client.post(&url).header("idempotency-key", "1").json(&body).header("content-type", kind);
        call.send().await.unwrap().status.as_u16()
    };
    let (json, merge, empty) = ("application/json", "application/merge-patch+json", serde_json::json!({}));
    assert_eq!(send("?dry_run=true", json, empty.clone()).await, 201);
    assert_eq!(send("?dry_run=true", json, empty.clone()).await, 201);
    for (query, kind, body) in [
        ("", json, empty.clone()),
        ("?dry_run=true", merge, empty),
        ("?dry_run=true", json, serde_json::json!({"a": 1})),
    ] {
        assert_eq!(send(query, kind, body).await, 422, "{query} {kind}");
    }
    running.stop().await.unwrap();
}
