//! Declared rules of routes, from the view of a client.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use evenkeel_border::{Border, Deprecation, InvalidRouteRules, Limits, Listener, RouteRules};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use proptest::prelude::*;
use resilience::rate_limit::RateRules;
use serde_json::Value as Json;
use supervision::StopSource;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use vitals::Registry;

use crate::server::{Server, close, exchange, status};

async fn server(rules: Vec<RouteRules>, bulkheads: &[(&'static str, u32)], routes: Router) -> Server {
    let registry = Registry::new();
    let border = Border::new("public", Limits::default(), &registry).declaring(rules, bulkheads, &registry).unwrap();
    let routes = border.around(routes);
    border.check_declared().unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    Server { address, stop, done, registry }
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    head.lines().filter_map(|line| line.split_once(": ")).find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn problem(answer: &str) -> Json {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn send_body(path: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{kind}content-length: {length}\r\n\r\n{body}")
}

/// An hour for each request: no test waits for it.
fn burst(burst: u32) -> RateRules {
    RateRules::default().rate(1).per(Duration::from_secs(3600)).burst(burst)
}

#[tokio::test]
async fn a_cross_site_form_is_refused_on_every_route_but_those_that_take_it_with_a_reason() {
    let registry = Registry::new();
    let rules = RouteRules::of("POST /callback").cross_site().loosened("the bank's page posts its answer here");
    let border = Border::new("public", Limits::default(), &registry).declaring(vec![rules], &[], &registry).unwrap();
    let answer = || axum::routing::post(async || "taken");
    let routes = border.around(Router::new().route("/callback", answer()).route("/pay", answer()));
    let listener = evenkeel_border::Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), supervision::StopSource::new());
    let stopped = stop.listen();
    tokio::spawn(async move { listener.serve(routes, stopped, Duration::from_secs(1)).await });
    for (path, header, expected) in [
        ("/pay", "sec-fetch-site: same-origin", 200),
        ("/pay", "origin: http://x", 200),
        ("/pay", "accept: */*", 200),
        ("/pay", "sec-fetch-site: cross-site", 403),
        ("/pay", "origin: http://evil.example", 403),
        ("/callback", "origin: http://evil.example", 200),
    ] {
        let request = close("POST", path).replace("connection:", &format!("{header}\r\nconnection:"));
        let answer = exchange(address, request).await;
        assert_eq!(status(&answer), expected, "{path} {header}: {answer}");
    }
    let text = telemetry::prometheus::text(&registry.snapshot());
    assert!(text.contains("http_listener_cross_site_refused_total{listener=\"public\"} 2"), "{text}");
}

#[tokio::test]
async fn a_client_over_the_rate_of_a_route_gets_429_with_what_is_left_and_other_routes_are_not_limited() {
    let rules = RouteRules::of("GET /search").client_rate_limit(burst(2));
    let routes = Router::new().route("/search", get(async || "found").post(async || "saved"));
    let server = server(vec![rules], &[], routes.route("/other", get(async || "other"))).await;
    let search = async || exchange(server.address, close("GET", "/search")).await;
    for left in ["1", "0"] {
        let answer = search().await;
        assert_eq!(status(&answer), 200);
        assert_eq!(field(&answer, "ratelimit-policy"), Some("\"client\";q=2;w=7200"));
        let limit = field(&answer, "ratelimit").unwrap();
        assert!(limit.starts_with(&format!("\"client\";r={left};t=")), "{limit}");
    }
    let refused = search().await;
    assert_eq!(status(&refused), 429, "{refused}");
    let wait: u64 = field(&refused, "retry-after").unwrap().parse().unwrap();
    assert!((3000..=3600).contains(&wait), "{wait}");
    assert!(field(&refused, "ratelimit").unwrap().starts_with("\"client\";r=0;"));
    let problem = problem(&refused);
    assert_eq!((&problem["code"], &problem["violated-policies"][0]), (&"rate_limited".into(), &"client".into()));
    // HEAD has the rules of GET, POST has none, and neither has another route.
    assert_eq!(status(&exchange(server.address, close("HEAD", "/search")).await), 429);
    for (method, path) in [("POST", "/search"), ("GET", "/other")] {
        let answer = exchange(server.address, close(method, path)).await;
        assert_eq!((status(&answer), field(&answer, "ratelimit")), (200, None));
    }
    let limited = r#"http_rate_limit_limited_total{listener="public",http_request_method="GET",http_route="/search",policy="client"}"#;
    assert_eq!(server.metric(limited), 2);
}

#[tokio::test]
async fn a_full_bulkhead_refuses_all_of_its_routes_by_name_and_no_others() {
    let release = Arc::new(Semaphore::new(0));
    let hold = {
        let release = release.clone();
        async move || release.acquire().await.expect("it is never closed").forget()
    };
    let rules = ["GET /search", "GET /suggest"].map(|route| RouteRules::of(route).bulkhead("search"));
    let routes = Router::new().route("/search", get(hold)).route("/suggest", get(async || "x"));
    let server = server(rules.to_vec(), &[("search", 2)], routes.route("/pay", get(async || "paid"))).await;
    let held = [0, 1].map(|_| tokio::spawn(exchange(server.address, close("GET", "/search"))));
    let in_flight = r#"http_bulkhead_in_flight{listener="public",bulkhead="search"}"#;
    server.until(in_flight, 2).await;

    let refused = exchange(server.address, close("GET", "/suggest")).await;
    assert_eq!((status(&refused), field(&refused, "retry-after")), (503, Some("1")), "{refused}");
    let problem = problem(&refused);
    assert_eq!((&problem["code"], &problem["bulkhead"]), (&"bulkhead_full".into(), &"search".into()));
    assert_eq!(status(&exchange(server.address, close("GET", "/pay")).await), 200);
    assert_eq!(server.metric(r#"http_bulkhead_refused_total{listener="public",bulkhead="search"}"#), 1);

    release.add_permits(2);
    for held in held {
        assert_eq!(status(&held.await.unwrap()), 200);
    }
    server.until(in_flight, 0).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/suggest")).await), 200);
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_back() {
    let rules = RouteRules::of("GET /hold").bulkhead("held");
    let hold = get(async || std::future::pending::<()>().await);
    let server = server(vec![rules], &[("held", 1)], Router::new().route("/hold", hold)).await;
    let in_flight = r#"http_bulkhead_in_flight{listener="public",bulkhead="held"}"#;
    for _ in 0..2 {
        let waiting = tokio::spawn(exchange(server.address, close("GET", "/hold")));
        server.until(in_flight, 1).await;
        waiting.abort();
        server.until(in_flight, 0).await;
    }
}

#[tokio::test]
async fn bodies_of_other_media_types_or_over_the_bound_of_the_route_are_refused() {
    let rules = RouteRules::of("POST /note").media_types(&["application/json", "text/plain"]).body_bytes(4);
    let server = server(vec![rules], &[], Router::new().route("/note", post(async |body: String| body))).await;
    let send = async |kind: &str, body: &str| exchange(server.address, send_body("/note", kind, body)).await;
    for kind in ["content-type: application/json\r\n", "content-type: Text/Plain; charset=utf-8\r\n"] {
        assert_eq!(status(&send(kind, "1234").await), 200, "{kind}");
    }
    for kind in ["", "content-type: application/jsonp\r\n", "content-type: application/x-www-form-urlencoded\r\n"] {
        let refused = send(kind, "1234").await;
        assert_eq!(status(&refused), 415, "{kind} {refused}");
        assert_eq!(field(&refused, "accept"), Some("application/json, text/plain"));
    }
    let large = send("content-type: text/plain\r\n", "12345").await;
    assert_eq!(status(&large), 413, "{large}");
    assert!(problem(&large)["detail"].as_str().unwrap().contains("4 bytes"));
    // Without a body there is no type.
    assert_eq!(status(&exchange(server.address, close("POST", "/note")).await), 200);
}

#[tokio::test]
async fn a_request_without_a_required_idempotency_key_is_refused() {
    let rules = RouteRules::of("POST /pay").idempotency_key();
    let server = server(vec![rules], &[], Router::new().route("/pay", post(async || "paid"))).await;
    let send = async |key: &str| status(&exchange(server.address, send_body("/pay", key, "")).await);
    assert_eq!([send("").await, send("idempotency-key: 1\r\n").await], [400, 200]);
}

#[tokio::test]
async fn deprecation_is_in_all_answers_and_caching_in_successful_ones() {
    let deprecation = Deprecation::since("2026-12-01").sunset("2027-06-30").link("/docs/v2");
    let rules = RouteRules::of("GET /old/{id}").deprecated(deprecation).cache_control("public, max-age=60");
    let old = async |axum::extract::Path(id): axum::extract::Path<u32>| match id {
        2 => ([(header::CACHE_CONTROL, "private")], "own").into_response(),
        id => id.to_string().into_response(),
    };
    let server = server(vec![rules], &[], Router::new().route("/old/{id}", get(old))).await;
    for (path, code, cache) in
        [("/old/1", 200, "public, max-age=60"), ("/old/2", 200, "private"), ("/old/x", 400, "no-store")]
    {
        let answer = exchange(server.address, close("GET", path)).await;
        assert_eq!((status(&answer), field(&answer, "cache-control")), (code, Some(cache)), "{answer}");
        assert_eq!(field(&answer, "deprecation"), Some("@1796083200"));
        assert_eq!(field(&answer, "sunset"), Some("Wed, 30 Jun 2027 00:00:00 GMT"));
        assert_eq!(field(&answer, "link"), Some("</docs/v2>; rel=\"deprecation\""));
    }
}

/// Answers that another server gives as well: what differs is the headers that the border adds.
async fn answer_of(routes: &Router, method: &Method, path: &str) -> (StatusCode, String, Option<String>) {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "x").body(Body::empty()).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let allow = head.headers.get(header::ALLOW).map(|allow| allow.to_str().unwrap().to_owned());
    let text = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
    // The border explains errors; those of axum are empty or plain text.
    (head.status, if head.status.is_success() { text } else { String::new() }, allow)
}

#[tokio::test]
async fn a_router_without_declarations_answers_as_without_the_border_but_for_options() {
    let routes = Router::new()
        .route("/", get(async || "root"))
        .route(
            "/items/{id}",
            get(async |axum::extract::Path(id): axum::extract::Path<u8>| id.to_string())
                .delete(async || StatusCode::NO_CONTENT),
        )
        .route("/any", any(async |method: Method| method.to_string()))
        .nest("/nested", Router::new().route("/inner", post(async || "inner")))
        .fallback(async || (StatusCode::IM_A_TEAPOT, "fallback"));
    let other = RouteRules::of("GET /other").client_rate_limit(burst(1)).bulkhead("other").idempotency_key();
    let registry = Registry::new();
    let border = Border::new("public", Limits::default(), &registry).declaring(vec![other], &[("other", 1)], &registry);
    let guarded = border.unwrap().around(routes.clone());
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::OPTIONS];
    for path in ["/", "/items/7", "/items/x", "/any", "/nested/inner", "/nowhere"] {
        for method in &methods {
            let (mut plain, guarded) =
                (answer_of(&routes, method, path).await, answer_of(&guarded, method, path).await);
            let listed = |allow: Option<String>, more: &[&str]| {
                let names = allow.iter().flat_map(|allow| allow.split(',')).map(str::trim);
                names.chain(more.iter().copied()).map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
            };
            let more: &[&str] = if plain.0 == StatusCode::METHOD_NOT_ALLOWED { &["OPTIONS"] } else { &[] };
            if !more.is_empty() && *method == Method::OPTIONS {
                plain.0 = StatusCode::NO_CONTENT;
            }
            let plain = (plain.0, plain.1, listed(plain.2, more));
            let guarded = (guarded.0, guarded.1, listed(guarded.2, &[]));
            assert_eq!(guarded, plain, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_route_that_handles_any_method_has_the_rules_of_each_method() {
    let registry = Registry::new();
    let rules = vec![RouteRules::of("POST /any").idempotency_key()];
    let border = Border::new("public", Limits::default(), &registry).declaring(rules, &[], &registry).unwrap();
    let routes = border.around(Router::new().route("/any", any(async || "any")));
    border.check_declared().unwrap();
    for (method, expected) in [(Method::GET, 200), (Method::POST, 400), (Method::GET, 200), (Method::POST, 400)] {
        assert_eq!(answer_of(&routes, &method, "/any").await.0.as_u16(), expected, "{method}");
    }
}

#[tokio::test]
async fn a_declared_route_that_no_router_has_is_named() {
    let registry = Registry::new();
    let rules = vec![RouteRules::of("POST /pay"), RouteRules::of("GET /search")];
    let border = Border::new("public", Limits::default(), &registry).declaring(rules, &[], &registry).unwrap();
    let _routes = border.around(Router::new().route("/pay", get(async || "")).route("/search", get(async || "")));
    let error = border.check_declared().unwrap_err();
    assert!(matches!(&error, InvalidRouteRules::Unrouted { route, .. } if route == "POST /pay"), "{error}");
}

#[tokio::test]
async fn loosened_rules_are_listed_with_their_reason_also_for_groups_of_routes() {
    let registry = Registry::new();
    let rules = vec![RouteRules::of("POST /upload").body_bytes(5 << 20).loosened("photographs")];
    let border = Border::new("public", Limits::default(), &registry).declaring(rules, &[], &registry).unwrap();
    let slow = Limits::default().with(|limits| limits.deadline = Duration::from_secs(90));
    let _routes = border.around(Router::new().route("/upload", post(async || "")));
    let _group = border.with_limits(slow).around(Router::new().route("/report", get(async || "")));
    let loosened = border.loosened().into_iter().map(|loosened| (loosened.route, loosened.what, loosened.reason));
    let expected = [("POST /upload", "body_bytes", "photographs"), ("/report", "deadline", "")];
    assert_eq!(
        loosened.collect::<Vec<_>>(),
        expected.map(|(route, what, why)| (route.to_owned(), what.to_owned(), why))
    );
    let text = telemetry::prometheus::text(&registry.snapshot());
    let shown = r#"http_route_loosened_declared{listener="public",route="POST /upload",loosened="body_bytes"} 1"#;
    assert!(text.contains(shown), "{text}");
}

/// An event in the life of a request in a bulkhead.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// A request comes, and its handler waits.
    Wait,
    /// A request comes, whose answer streams.
    Stream,
    /// A request comes, which is answered at once.
    Quick,
    /// The handler of one that waits returns.
    Release,
    /// The client of the n-th request that is open leaves.
    Leave(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::{Leave, Quick, Release, Stream, Wait};
    prop_oneof![Just(Wait), Just(Stream), Just(Quick), Just(Release), (0_usize..8).prop_map(Leave)]
}

/// A request that has a place: it waits for its answer, or the answer streams.
enum Open {
    Waiting(std::pin::Pin<Box<dyn Future<Output = StatusCode>>>),
    Streaming { _body: Body },
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_place_of_a_bulkhead_leaks_and_none_is_given_twice(places in 1_u32..4, happenings in prop::collection::vec(happening(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let _inside = runtime.enter();
        let release = Arc::new(Semaphore::new(0));
        let wait = {
            let release = release.clone();
            async move || release.acquire().await.expect("it is never closed").forget()
        };
        let stream = async || Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
        let routes = Router::new().route("/wait", get(wait)).route("/stream", get(stream)).route("/quick", get(async || "quick"));
        let rules = ["GET /wait", "GET /stream", "GET /quick"].map(|route| RouteRules::of(route).bulkhead("b"));
        let registry = Registry::new();
        let border = Border::new("public", Limits::default(), &registry).declaring(rules.to_vec(), &[("b", places)], &registry).unwrap();
        let routes = border.around(routes);
        let ask = |path: &str| {
            let request = Request::get(path).header(header::HOST, "x").body(Body::empty()).unwrap();
            routes.clone().oneshot(request).map(|response| response.unwrap())
        };
        let in_use = || {
            let text = telemetry::prometheus::text(&registry.snapshot());
            let line = text.lines().find_map(|line| line.strip_prefix(r#"http_bulkhead_in_flight{listener="public",bulkhead="b"} "#));
            line.unwrap().parse::<usize>().unwrap()
        };
        let mut open: Vec<Open> = Vec::new();
        for happening in happenings {
            let is_full = open.len() == places as usize;
            match happening {
                Happening::Wait => {
                    let mut asked: std::pin::Pin<Box<dyn Future<Output = StatusCode>>> = Box::pin(ask("/wait").map(|answer| answer.status()));
                    match asked.as_mut().now_or_never() {
                        Some(status) => prop_assert!(is_full && status == StatusCode::SERVICE_UNAVAILABLE),
                        None => open.push(Open::Waiting(asked)),
                    }
                }
                Happening::Stream => {
                    let answer = ask("/stream").now_or_never().unwrap();
                    prop_assert_eq!(answer.status() == StatusCode::OK, !is_full);
                    if !is_full {
                        open.push(Open::Streaming { _body: answer.into_body() });
                    }
                }
                Happening::Quick => {
                    // The answer is not dropped before the places are counted.
                    let answer = ask("/quick").now_or_never().unwrap();
                    prop_assert_eq!(answer.status() == StatusCode::OK, !is_full);
                    prop_assert_eq!(in_use(), open.len());
                }
                Happening::Release => {
                    release.add_permits(1);
                    let answered = open.iter_mut().position(|open| match open {
                        Open::Waiting(asked) => asked.as_mut().now_or_never().is_some(),
                        Open::Streaming { .. } => false,
                    });
                    match answered {
                        Some(index) => drop(open.remove(index)),
                        None => assert_eq!(release.forget_permits(1), 1),
                    }
                }
                Happening::Leave(index) => {
                    if index < open.len() {
                        drop(open.remove(index));
                    }
                }
            }
            prop_assert!(open.len() <= places as usize);
            prop_assert_eq!(in_use(), open.len(), "after {:?}", happening);
        }
        open.clear();
        prop_assert_eq!(in_use(), 0);
    }
}
