//! Closed routes and rate limits of callers, from the view of a client.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use evenkeel_border::{Border, Caller, Identify, InvalidRouteRules, Limits, RouteRules};
use resilience::rate_limit::RateRules;
use tower::ServiceExt;
use vitals::Registry;

/// Calls are identified by a header here; a real service checks a credential.
fn by_header() -> Identify {
    Identify::by(|head| {
        let name = head.headers.get("x-caller")?.to_str().ok()?;
        assert_ne!(name, "poison", "the function fails");
        Some(name.to_owned())
    })
}

fn routes(rules: Vec<RouteRules>) -> Router {
    let registry = Registry::new();
    let border = Border::new("public", Limits::default(), &registry).identified_by(by_header());
    let border = border.declaring(rules, &[], &registry).unwrap();
    let who = async |request: Request| match request.extensions().get::<Caller>() {
        Some(caller) => caller.as_str().to_owned(),
        None => "nobody".to_owned(),
    };
    border.around(Router::new().route("/mine", get(who)).route("/open", get(who)))
}

async fn ask(routes: &Router, path: &str, caller: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", "x");
    let request = if caller.is_empty() { request } else { request.header("x-caller", caller) };
    let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_closed_route_refuses_strangers_and_its_handler_sees_the_caller() {
    let routes = routes(vec![RouteRules::of("GET /mine").closed(), RouteRules::of("GET /open").public()]);
    let (status, problem) = ask(&routes, "/mine", "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(problem.contains(r#""code":"no_caller""#), "{problem}");
    assert_eq!(ask(&routes, "/mine", "ann").await, (StatusCode::OK, "ann".to_owned()));
    assert_eq!(ask(&routes, "/open", "").await, (StatusCode::OK, "nobody".to_owned()));
}

#[tokio::test]
async fn a_panic_while_the_caller_is_identified_is_a_500() {
    let routes = routes(vec![RouteRules::of("GET /mine").closed()]);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (status, _) = ask(&routes, "/mine", "poison").await;
    std::panic::set_hook(hook);
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_caller_over_its_rate_is_refused_and_others_and_strangers_are_not() {
    let rate = RateRules::default().rate(1).per(Duration::from_secs(3600)).burst(1);
    let routes = routes(vec![RouteRules::of("GET /mine").caller_rate_limit(rate)]);
    for (caller, expected) in [("ann", 200), ("ann", 429), ("bob", 200), ("", 200), ("", 200)] {
        assert_eq!(ask(&routes, "/mine", caller).await.0.as_u16(), expected, "{caller}");
    }
}

#[tokio::test]
async fn strangers_take_nothing_from_the_rate_of_a_closed_route() {
    let rate = RateRules::default().rate(1).per(Duration::from_secs(3600)).burst(1);
    let routes = routes(vec![RouteRules::of("GET /mine").closed().rate_limit(rate)]);
    for _ in 0..3 {
        assert_eq!(ask(&routes, "/mine", "").await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ask(&routes, "/mine", "ann").await.0, StatusCode::OK);
}

#[tokio::test]
async fn rules_about_callers_need_a_way_to_identify_them() {
    let registry = Registry::new();
    for rules in
        [RouteRules::of("GET /mine").closed(), RouteRules::of("GET /mine").caller_rate_limit(RateRules::default())]
    {
        let border = Border::new("public", Limits::default(), &registry);
        let error = border.declaring(vec![rules], &[], &registry).unwrap_err();
        assert!(matches!(error, InvalidRouteRules::NoCaller { .. }), "{error}");
        assert!(error.to_string().contains("GET /mine"), "{error}");
    }
}
