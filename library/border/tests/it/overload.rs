//! Admission under overload, from the view of a client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use evenkeel_border::{Border, Limits, Listener, RouteRules};
use futures_util::StreamExt;
use resilience::Criticality;
use serde_json::Value as Json;
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use vitals::Registry;

use crate::server::{SOON, Server, close, exchange, server, status};

/// The first limit of a gate: nothing is known yet.
const FIRST_LIMIT: usize = 64;
/// The rest of the limit of all requests.
const OTHERS: usize = 22;

/// Routes whose requests to `/hold` end one by one, with the permits that are added to `release`.
struct Held {
    release: Arc<Semaphore>,
    /// Paths of the other requests, in the order in which they were executed.
    executed: Arc<Mutex<Vec<String>>>,
}

impl Held {
    fn new() -> Self {
        Self { release: Arc::new(Semaphore::new(0)), executed: Arc::default() }
    }

    /// One route, so that all its requests have the same places: `/hold` is held, other paths are noted.
    fn routes(&self) -> Router {
        let (release, executed) = (self.release.clone(), self.executed.clone());
        let handle = async move |uri: axum::http::Uri| match uri.path() {
            "/hold" => {
                release.acquire().await.expect("it is never closed").forget();
                "held".to_owned()
            }
            path => {
                executed.lock().unwrap().push(path.to_owned());
                path.to_owned()
            }
        };
        Router::new().route("/{name}", any(handle))
    }

    /// A route of its own that notes its requests.
    fn notes(&self, path: &'static str) -> Router {
        let executed = self.executed.clone();
        let note = async move || {
            executed.lock().unwrap().push(path.to_owned());
            path
        };
        Router::new().route(path, get(note))
    }
}

async fn send(server: &Server, request: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

async fn answer(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(SOON, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

fn gauge(name: &str) -> String {
    format!("http_admission_{name}{{listener=\"public\"}}")
}

/// Other work that keeps the thread busy until it is dropped: requests are limited only while the processors are overloaded.
struct Busy(tokio::task::JoinHandle<()>);

impl Busy {
    fn start() -> Self {
        Self(tokio::spawn(async {
            loop {
                std::thread::sleep(Duration::from_millis(12));
                tokio::task::yield_now().await;
            }
        }))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Fills all places with requests that do not end, on a busy processor.
async fn fill(server: &Server) -> (Busy, Vec<TcpStream>) {
    let busy = Busy::start();
    let mut held = Vec::new();
    for _ in 0..FIRST_LIMIT {
        held.push(send(server, &close("GET", "/hold")).await);
    }
    server.until(&gauge("in_flight"), FIRST_LIMIT as u64).await;
    (busy, held)
}

/// Waits until this many requests execute, without keeping the thread busy as `Server::until` does.
async fn until_idle_with(server: &Server, in_flight: u64) {
    let reached = async {
        while server.metric(&gauge("in_flight")) != in_flight {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, reached).await.expect("the processors are idle at some time");
}

fn patient() -> Limits {
    // No wait of this test is long against it.
    Limits::default().with(|limits| limits.objective = Some(Duration::from_secs(120)))
}

#[tokio::test]
async fn queued_requests_are_executed_in_the_order_of_their_criticality() {
    let (held, registry) = (Held::new(), Registry::new());
    let critical = patient().with(|limits| limits.criticality = Criticality::Critical);
    let border = Border::new("public", critical, &registry);
    let routes = border.around(held.routes());
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    let server = Server { address, stop, done, registry };

    let _held = fill(&server).await;
    let crawler = "GET /crawler HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncriticality: sheddable\r\n\r\n";
    let crawler = send(&server, crawler).await;
    server.until(&gauge("queued_sheddable"), 1).await;
    let plain = "GET /plain HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncriticality: default\r\n\r\n";
    let plain = send(&server, plain).await;
    server.until(&gauge("queued_default"), 1).await;
    let payment = send(&server, &close("GET", "/payment")).await;
    server.until(&gauge("queued_critical"), 1).await;
    assert!(held.executed.lock().unwrap().is_empty(), "all places are taken");
    held.release.add_permits(1);
    for socket in [payment, plain, crawler] {
        assert_eq!(status(&answer(socket).await), 200);
    }
    assert_eq!(*held.executed.lock().unwrap(), ["/payment", "/plain", "/crawler"]);
}

#[tokio::test]
async fn the_class_of_a_queued_request_is_that_which_its_route_declares() {
    let (held, registry) = (Held::new(), Registry::new());
    let rules = [("DELETE /{name}", Criticality::Sheddable), ("POST /{name}", Criticality::Critical)];
    let rules = rules.map(|(route, class)| RouteRules::of(route).criticality(class)).to_vec();
    let border = Border::new("public", patient(), &registry).declaring(rules, &[], &registry).unwrap();
    let routes = border.around(held.routes());
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    let server = Server { address, stop, done, registry };

    let _held = fill(&server).await;
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        others.push(send(&server, &close("PUT", "/hold")).await);
    }
    server.until(&gauge("in_flight"), (FIRST_LIMIT + OTHERS) as u64).await;
    let mut sockets = Vec::new();
    let requests = [("DELETE", "/old", "sheddable"), ("GET", "/plain", "default"), ("POST", "/payment", "critical")];
    for (method, path, class) in requests {
        sockets.push(send(&server, &close(method, path)).await);
        server.until(&gauge(&format!("queued_{class}")), 1).await;
    }
    held.release.add_permits(1);
    for socket in sockets {
        assert_eq!(status(&answer(socket).await), 200);
    }
    assert_eq!(*held.executed.lock().unwrap(), ["/payment", "/plain", "/old"]);
}

#[tokio::test]
async fn requests_that_wait_leave_places_to_other_routes_while_the_processors_are_idle() {
    let held = Held::new();
    let server = server(patient(), held.routes().merge(held.notes("/quick"))).await;
    let mut waiting = Vec::new();
    for _ in 0..2 * FIRST_LIMIT {
        waiting.push(send(&server, &close("GET", "/hold")).await);
    }
    until_idle_with(&server, 2 * FIRST_LIMIT as u64).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/quick")).await), 200);
    held.release.add_permits(2 * FIRST_LIMIT);
    for socket in waiting {
        assert_eq!(status(&answer(socket).await), 200);
    }
    // The control: on a busy processor the limit is in force.
    let (_busy, _held) = fill(&server).await;
    let queued = send(&server, &close("GET", "/plain")).await;
    server.until(&gauge("queued_default"), 1).await;
    drop(queued);
}

#[tokio::test]
async fn a_request_for_which_no_place_becomes_free_in_time_is_refused_with_a_time_to_come_back() {
    let held = Held::new();
    let limits = Limits::default().with(|limits| limits.objective = Some(Duration::from_secs(1)));
    let server = server(limits, held.routes()).await;
    let _held = fill(&server).await;
    let answer = answer(send(&server, &close("GET", "/plain")).await).await;
    assert_eq!(status(&answer), 503, "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let wait = head.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("a time to come back");
    assert!(["1", "2", "3"].contains(&wait), "{wait}");
    let problem: Json = serde_json::from_str(body).unwrap();
    assert_eq!((&problem["status"], problem["detail"].as_str().is_some()), (&Json::from(503), true));
    let waited = r#"http_admission_route_refused_waited_total{listener="public",http_route="/{name}"}"#;
    assert_eq!(server.metric(waited), 1);
    assert!(held.executed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn health_checks_are_answered_while_all_places_are_taken() {
    let held = Held::new();
    let server = server(patient(), held.routes().merge(held.notes("/healthz"))).await;
    let _held = fill(&server).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/healthz")).await), 200);
    assert_eq!(server.metric(&gauge("in_flight")), FIRST_LIMIT as u64, "it has waited for no place");
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_leaves_nothing_behind() {
    let held = Held::new();
    let server = server(patient(), held.routes()).await;
    let (_busy, blockers) = fill(&server).await;
    let queued = send(&server, &close("GET", "/plain")).await;
    server.until(&gauge("queued_default"), 1).await;
    drop(queued);
    server.until(&gauge("queued_default"), 0).await;
    drop(blockers);
    server.until(&gauge("in_flight"), 0).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/plain")).await), 200);
    assert_eq!(*held.executed.lock().unwrap(), ["/plain"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn requests_of_clients_that_have_reset_their_connections_are_not_begun_under_load() {
    let held = Held::new();
    let server = server(patient(), held.routes()).await;
    let (_busy, blockers) = fill(&server).await;
    let queued = send(&server, &close("GET", "/plain")).await;
    server.until(&gauge("queued_default"), 1).await;
    for _ in 0..20 {
        // Without a pause between them, so that they are gone when the server looks.
        let mut sent = std::net::TcpStream::connect(server.address).unwrap();
        std::io::Write::write_all(&mut sent, close("GET", "/plain").as_bytes()).unwrap();
        sent.set_nonblocking(true).unwrap();
        TcpStream::from_std(sent).unwrap().set_zero_linger().unwrap();
    }
    server.until(r#"http_listener_connections_gone_total{listener="public"}"#, 20).await;
    server.until(r#"http_listener_connections{listener="public"}"#, FIRST_LIMIT as u64 + 1).await;
    let cancelled = r#"http_server_requests_total{listener="public",http_route="/{name}",http_request_method="GET",http_response_status_code="",error_type="cancelled"}"#;
    assert_eq!(server.metric(cancelled), 0, "none was begun");
    drop((queued, blockers));
}

#[tokio::test]
async fn streams_that_wait_and_readers_that_are_slow_hold_no_places() {
    let events = async || {
        let first = futures_util::stream::once(async { Ok::<_, std::io::Error>("first") });
        Body::from_stream(first.chain(futures_util::stream::pending()))
    };
    let large = async || vec![b'x'; 32 << 20];
    let routes = Router::new().route("/events", get(events)).route("/large", get(large));
    let server = server(patient(), routes).await;
    let mut open = Vec::new();
    for path in ["/events", "/large"] {
        let socket = send(&server, &close("GET", path)).await;
        socket.readable().await.unwrap();
        open.push(socket);
    }
    server.until(&gauge("in_flight"), 0).await;
    assert_eq!(server.metric(r#"http_server_active_requests{listener="public"}"#), 2);
    assert_eq!(server.metric(&gauge("admitted_total")), 2);
}

#[tokio::test]
async fn routes_without_an_objective_are_never_queued() {
    let held = Held::new();
    let server = server(Limits::default().with(|limits| limits.objective = None), held.routes()).await;
    let mut open = Vec::new();
    for _ in 0..2 * FIRST_LIMIT {
        open.push(send(&server, &close("GET", "/hold")).await);
    }
    server.until(r#"http_server_active_requests{listener="public"}"#, 2 * FIRST_LIMIT as u64).await;
    held.release.add_permits(2 * FIRST_LIMIT);
    for socket in open {
        assert_eq!(status(&answer(socket).await), 200);
    }
}

#[tokio::test]
async fn clients_that_are_slow_with_their_bodies_hold_no_places() {
    let echo = axum::routing::post(async |body: axum::body::Bytes| body);
    let server = server(patient(), Router::new().route("/echo", echo)).await;
    let slow = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\na";
    let mut open = Vec::new();
    for _ in 0..FIRST_LIMIT {
        open.push(send(&server, slow).await);
    }
    server.until(r#"http_server_active_requests{listener="public"}"#, FIRST_LIMIT as u64).await;
    server.until(&gauge("in_flight"), 0).await;
    for mut socket in open {
        socket.write_all(b"bcde").await.unwrap();
        let mut answer = [0; 12];
        tokio::time::timeout(SOON, socket.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}
