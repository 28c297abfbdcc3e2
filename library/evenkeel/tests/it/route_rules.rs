//! Declared rules of routes in a whole service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use evenkeel::prelude::*;
use evenkeel::resilience::Criticality;
use evenkeel::resilience::rate_limit::RateRules;
use evenkeel::utoipa;
use evenkeel::{Deprecation, Failed};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Shop"), paths(search))]
struct Document;

#[utoipa::path(get, path = "/search", responses((status = 200, description = "Found")))]
async fn search() -> &'static str {
    "found"
}

fn routes() -> Router {
    Router::new().route("/search", get(search)).route("/upload", post(async || "taken"))
}

#[tokio::test]
async fn declared_rules_show_in_openapi_health_and_metrics() {
    let rate = RateRules::default().rate(100).burst(100);
    let search = RouteRules::of("GET /search")
        .bulkhead("search")
        .client_rate_limit(rate)
        .criticality(Criticality::Sheddable)
        .public()
        .deprecated(Deprecation::since("2026-12-01").sunset("2027-06-30"));
    let upload = RouteRules::of("POST /upload").closed().body_bytes(50 << 20).loosened("photographs of claims");
    let service = Service::new(build_info!())
        .bulkhead("search", 3)
        .caller(|head| head.headers.get("x-api-key")?.to_str().ok().map(str::to_owned))
        .route(search)
        .route(upload)
        .routes(|_context| routes())
        .openapi(<Document as utoipa::OpenApi>::openapi);
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let text = async |url: Url| {
        let answer = running.client().get(&url).send().await.unwrap();
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    let document: Json = serde_json::from_str(&text(running.url("/openapi.json")).await).unwrap();
    let operation = &document["paths"]["/search"]["get"];
    assert_eq!((&operation["deprecated"], &operation["x-route-rules"]["bulkhead"]), (&json!(true), &json!("search")));
    assert!(operation["responses"]["429"].is_object(), "{operation}");
    assert_eq!(operation["x-route-rules"]["access"], "public");

    let health: Json = serde_json::from_str(&text(running.admin_url("/health")).await).unwrap();
    let rules = &health["vitals"]["http_route_rules"][0];
    assert_eq!(
        [&rules["http_route"], &rules["criticality"], &rules["bulkhead"], &rules["sunset"]],
        ["/search", "sheddable", "search", "2027-06-30"].map(Json::from).each_ref()
    );
    let accesses = [&rules["access"], &health["vitals"]["http_route_rules"][1]["access"]];
    assert_eq!(accesses, ["public", "closed"].map(Json::from).each_ref());
    let stranger = running.client().post(&running.url("/upload")).send().await.unwrap();
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let loosened = &health["vitals"]["http_route_loosened"][0];
    assert_eq!(
        [&loosened["route"], &loosened["loosened"], &loosened["reason"]],
        ["POST /upload", "body_bytes", "photographs of claims"].map(Json::from).each_ref()
    );
    let metrics = text(running.admin_url("/metrics")).await;
    for line in [
        r#"http_bulkhead_places{listener="public",bulkhead="search"} 3"#,
        r#"http_bulkhead_refused_total{listener="public",bulkhead="search"} 0"#,
        r#"http_rate_limit_limited_total{listener="public",http_request_method="GET",http_route="/search",policy="client"} 0"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mistake_in_a_declaration_is_an_error_of_the_start_that_says_what_to_do() {
    let service = |rules| Service::new(build_info!()).routes(|_context| routes()).route(rules);
    for (rules, words) in [
        (RouteRules::of("GET /serch"), "GET /serch are declared, and no router has this route"),
        (RouteRules::of("POST /search"), "POST /search are declared, and no router has this route"),
        (RouteRules::of("GET /search").bulkhead("search"), "is not declared; declare its capacity"),
        (RouteRules::of("POST /upload").body_bytes(50 << 20), "loosen body_bytes; say why"),
        (RouteRules::of("POST /upload").closed(), "nothing identifies callers; declare how with Service::caller"),
    ] {
        let failed = match service(rules).start(ANYWHERE).await {
            Err(failed) => failed,
            Ok(running) => {
                running.ready().await.unwrap_err();
                running.stop().await.unwrap_err()
            }
        };
        assert!(matches!(failed, Failed::RouteRules(_)) && failed.to_string().contains(words), "{failed}");
    }
}

/// Sends a request on a connection of its own; returns the status, or zero where there was no answer.
async fn ask(address: std::net::SocketAddr, path: &str) -> u16 {
    let asked = async {
        let mut socket = TcpStream::connect(address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.ok()?;
        answer.split_whitespace().nth(1)?.parse().ok()
    };
    asked.await.unwrap_or_default()
}

/// Computes for this long, without a yield.
fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn critical_requests_are_all_served_while_a_storm_on_another_route_is_refused() {
    const STORMERS: usize = 24;
    const CRITICAL: u32 = 10;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // The clients have a thread of their own: they do not compute.
    let (told, address) = std::sync::mpsc::channel();
    let served = std::thread::spawn(move || {
        runtime.block_on(async {
            let work = async || compute(Duration::from_millis(4));
            // Nothing that a busy machine does to a critical request is too late for it.
            let patient =
                RouteRules::of("GET /pay").criticality(Criticality::Critical).objective(Duration::from_secs(60));
            let service = Service::new(build_info!())
                .routes(move |_context| Router::new().route("/pay", get(work)).route("/search", get(work)))
                .route(patient.loosened("a payment is worth a wait"))
                .route(RouteRules::of("GET /search").objective(Duration::from_millis(20)));
            let running = service.start(ANYWHERE).await.unwrap();
            running.ready().await.unwrap();
            let (over, is_over) = tokio::sync::oneshot::channel::<()>();
            told.send((running.public(), over)).unwrap();
            let _ = is_over.await;
            running.stop().await.unwrap();
        });
    });
    let (address, over) = address.recv().unwrap();
    let clients = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (refused, statuses) = clients.block_on(async {
        let (refused, is_over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let storm: Vec<_> = (0..STORMERS)
            .map(|_| {
                let (refused, is_over) = (refused.clone(), is_over.clone());
                tokio::spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        let is_refused = ask(address, "/search").await == 503;
                        refused.fetch_add(u32::from(is_refused), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        // The storm is over capacity from here on.
        while refused.load(Ordering::Relaxed) < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let before = refused.load(Ordering::Relaxed);
        let mut statuses = Vec::new();
        for _ in 0..CRITICAL {
            statuses.push(ask(address, "/pay").await);
        }
        let refused = refused.load(Ordering::Relaxed) - before;
        is_over.store(true, Ordering::Relaxed);
        for stormer in storm {
            stormer.await.unwrap();
        }
        (refused, statuses)
    });
    drop(over);
    served.join().unwrap();
    assert_eq!(statuses, [200; CRITICAL as usize]);
    assert!(refused > 0, "the storm was not refused: nothing was over capacity");
}
