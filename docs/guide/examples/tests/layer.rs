//! The policy as a layer around real HTTP services, whose requests cannot be cloned.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{any, get};
use evenkeel_resilience::policy::{BoxedError, CallError, PolicyLayer};
use evenkeel_resilience::{ByResult, Classify, Outcome, Policy, Rules};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::timeout::TimeoutLayer;
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// Statuses from 500 on speak against the callee.
#[derive(Clone)]
struct ByStatus;

impl<B, E> Classify<Response<B>, E> for ByStatus {
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(answer) if !answer.status().is_server_error() => Outcome::Success,
            _ => Outcome::Failure,
        }
    }
}

fn policy() -> Policy<ByStatus> {
    Policy::new("upstream", Rules::default()).unwrap().classified(ByStatus)
}

fn request(path: &str) -> Request<Body> {
    Request::post(path).body(Body::from("a body that is sent once")).unwrap()
}

/// Fails at first, and then gives back what it is sent.
fn flaky() -> (Router, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let echo = move |body: String| {
        let number = counted.fetch_add(1, Relaxed);
        async move { if number == 0 { (StatusCode::BAD_GATEWAY, body) } else { (StatusCode::OK, body) } }
    };
    (Router::new().route("/", any(echo)), calls)
}

#[tokio::test]
async fn a_router_whose_bodies_cannot_be_cloned_is_called_once() {
    let (router, calls) = flaky();
    let guarded = ServiceBuilder::new().layer(PolicyLayer::new(policy())).service(router);
    let answer = guarded.oneshot(request("/")).await.unwrap();
    assert_eq!((answer.status(), calls.load(Relaxed)), (StatusCode::BAD_GATEWAY, 1));
}

#[tokio::test]
async fn exactly_the_requests_that_the_function_copies_are_retried() {
    let copy = |request: &Request<Body>| {
        let again = request.headers().contains_key("idempotency-key");
        again.then(|| Request::post(request.uri()).body(Body::from("copied")).unwrap())
    };
    for (key, expected) in
        [(Some("k"), (StatusCode::OK, "copied", 2)), (None, (StatusCode::BAD_GATEWAY, "a body that is sent once", 1))]
    {
        let (router, calls) = flaky();
        let guarded = ServiceBuilder::new().layer(PolicyLayer::new(policy()).copies(copy)).service(router);
        let mut request = request("/");
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        }
        let answer = guarded.oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((status, &*body, calls.load(Relaxed)), (expected.0, expected.1.as_bytes(), expected.2));
    }
}

/// A server of this router, and its address.
async fn served(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}/")
}

#[tokio::test]
async fn a_gateway_passes_what_hyper_receives_to_a_client_of_hyper() {
    let upstream = served(Router::new().route("/", get(async || "upstream"))).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = ServiceBuilder::new().layer(PolicyLayer::new(policy())).service(client);
    // What the gateway is asked has a body of hyper's, and goes on as it is.
    let gateway = Router::new().fallback(move |request: Request<Body>| {
        let (client, upstream) = (client.clone(), upstream.clone());
        async move {
            let (mut head, body) = request.into_parts();
            head.uri = upstream.parse().unwrap();
            let answer: Result<Response<hyper::body::Incoming>, CallError<BoxedError>> =
                client.oneshot(Request::from_parts(head, body)).await;
            answer.map_or_else(|error| Err((StatusCode::BAD_GATEWAY, error.to_string())), Ok)
        }
    });
    let answer = reqwest::get(served(gateway).await).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "upstream".to_owned()));
}

#[test]
fn a_request_with_a_body_of_hyper_fits() {
    // Compiled and not called: nobody but hyper makes such a body.
    fn guarded(
        inner: Router,
    ) -> impl Service<Request<hyper::body::Incoming>, Response = Response<Body>, Error: Into<BoxError>> {
        PolicyLayer::new(policy()).layer(inner.into_service())
    }
    let _ = guarded(Router::new());
}

#[tokio::test]
async fn reqwest_is_a_service_whose_requests_are_copied_where_that_can_be_done() {
    let (router, calls) = flaky();
    let url = served(router).await;
    let by_status = |result: &Result<reqwest::Response, reqwest::Error>| match result {
        Ok(answer) if !answer.status().is_server_error() => Outcome::Success,
        _ => Outcome::Failure,
    };
    let policy = Policy::new("pages", Rules::default()).unwrap().classified(by_status);
    let guarded = ServiceBuilder::new()
        .layer(PolicyLayer::new(policy).copies(reqwest::Request::try_clone))
        .service(reqwest::Client::new());
    let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
    assert_eq!((guarded.oneshot(request).await.unwrap().status().as_u16(), calls.load(Relaxed)), (200, 2));
}

#[tokio::test]
async fn layers_of_tower_stand_inside_and_outside() {
    let hangs =
        service_fn(async |_: Request<Full<&'static [u8]>>| std::future::pending::<Result<(), Infallible>>().await);
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(60)))
        .layer(PolicyLayer::new(Policy::new("bank", Rules::default()).unwrap().classified(ByResult)))
        .layer(TimeoutLayer::new(Duration::from_millis(20)))
        .service(hangs);
    let error: BoxError = stack.clone().oneshot(Request::new(Full::new(b""))).await.unwrap_err();
    let ours = error.downcast_ref::<CallError<BoxedError>>().expect("the policy's error");
    assert!(ours.cause().unwrap().downcast_ref::<tower::timeout::error::Elapsed>().is_some(), "{ours:?}");
    // The chain of causes leads to it, too.
    let chain: Vec<&(dyn Error + 'static)> = std::iter::successors(ours.source(), |error| (*error).source()).collect();
    assert!(chain.iter().any(|error| error.is::<tower::timeout::error::Elapsed>()), "{chain:?}");
    // And boxed services, which are not Sync, can be guarded.
    let boxed = BoxCloneService::new(stack);
    let policy = Policy::new("bank", Rules::default()).unwrap();
    let twice = ServiceBuilder::new().layer(PolicyLayer::new(policy)).service(boxed);
    assert!(twice.oneshot(Request::new(Full::new(b""))).await.is_err());
}
