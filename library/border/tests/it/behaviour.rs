//! The border over real sockets, from the view of a client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use evenkeel_border::{Border, Limits, Listener};
use serde_json::Value as Json;
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vitals::Registry;

use crate::server::{close, exchange, server, status};

fn problem(answer: &str) -> Json {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    for header in ["x-request-id: ", "content-security-policy: ", "x-content-type-options: nosniff", "cache-control: "]
    {
        assert!(head.contains(header), "no {header} in {answer}");
    }
    let problem: Json = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], status(answer));
    assert!(head.contains(problem["request_id"].as_str().unwrap()));
    problem
}

fn upload(body: &str, kind: &str) -> String {
    let length = body.len();
    format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn routes() -> Router {
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/panic", get(async || -> &'static str { panic!("a secret reason") }))
        .route("/echo", post(async |body: axum::Json<Json>| body))
}

#[tokio::test]
async fn every_refusal_is_a_problem_document_with_headers_and_request_id() {
    let server = server(Limits::default().with(|limits| limits.body_bytes = 1000), routes()).await;
    let cases = [
        (404, close("GET", "/nothing")),
        (405, close("DELETE", "/hello")),
        (414, close("GET", &format!("/{}", "a".repeat(10_000)))),
        (431, format!("GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\nbig: {}\r\n\r\n", "b".repeat(40_000))),
        (400, "GET /hello HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned()),
        (400, "GET /hello HTTP/1.1\r\nhost: x\r\nhost: y\r\nconnection: close\r\n\r\n".to_owned()),
        (413, upload(&format!("\"{}\"", "c".repeat(1000)), "application/json")),
        (415, upload("{}", "text/plain")),
        (400, upload("{\"broken\":", "application/json")),
        (400, upload(&"[".repeat(100), "application/json")),
        (400, upload(&format!("{}{}", "[".repeat(100), "]".repeat(100)), "Application/JSON")),
        (400, "GET http://internal/hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned()),
        (500, close("GET", "/panic")),
    ];
    for (expected, request) in cases {
        let answer = exchange(server.address, &request).await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(!problem(&answer).to_string().contains("secret"));
    }
    assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
}

#[tokio::test]
async fn more_headers_than_are_taken_are_refused_with_a_document_below_the_bound_of_the_parser() {
    let with = |headers: usize| {
        let headers: String = (2..headers).map(|n| format!("h{n}: v\r\n")).collect();
        format!("GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
    };
    let (all, few) = (server(Limits::default(), routes()).await, Limits::default().with(|limits| limits.headers = 50));
    assert_eq!(status(&exchange(all.address, with(100)).await), 200);
    assert_eq!(status(&exchange(all.address, with(101)).await), 431);
    let few = server(few, routes()).await;
    let answer = exchange(few.address, with(51)).await;
    assert_eq!(status(&answer), 431);
    problem(&answer);
    assert_eq!(status(&exchange(few.address, with(50)).await), 200);
    let many = server(Limits::default().with(|limits| limits.headers = 200), routes()).await;
    assert_eq!(status(&exchange(many.address, with(200)).await), 200);
    assert_eq!(status(&exchange(many.address, with(201)).await), 431);
}

#[tokio::test]
async fn a_chunked_body_is_refused_where_it_passes_the_bound() {
    let server = server(Limits::default().with(|limits| limits.body_bytes = 1000), routes()).await;
    let chunk = format!("200\r\n{}\r\n", " ".repeat(512));
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = exchange(server.address, format!("{head}{}", chunk.repeat(100))).await;
    assert_eq!(status(&answer), 413, "{answer}");
}

#[tokio::test]
async fn a_request_past_its_deadline_is_answered_504_and_its_work_is_dropped() {
    struct Told(Arc<AtomicBool>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let told = dropped.clone();
    let slow = get(move || {
        let told = Told(told.clone());
        async move {
            let _told = told;
            std::future::pending::<()>().await;
        }
    });
    let limits = Limits::default().with(|limits| limits.deadline = Duration::from_millis(20));
    let server = server(limits, Router::new().route("/slow", slow)).await;
    let answer = exchange(server.address, close("GET", "/slow")).await;
    assert_eq!(status(&answer), 504);
    problem(&answer);
    assert!(dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_shorter_caller_timeout_is_answered_408_in_time_and_a_longer_one_is_ignored() {
    let told = get(async || format!("{:?}", resilience::Deadline::current().map(|deadline| deadline.left().as_secs())));
    let slow = get(async || std::future::pending::<()>().await);
    let limits = Limits::default().with(|limits| limits.deadline = Duration::from_secs(60));
    let server = server(limits, Router::new().route("/slow", slow).route("/told", told)).await;
    let with = |path: &str, timeout: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ngrpc-timeout: {timeout}\r\n\r\n")
    };
    let answer = exchange(server.address, with("/slow", "20m")).await;
    assert_eq!(
        (status(&answer), problem(&answer)["detail"].as_str().unwrap().contains("20ms")),
        (408, true),
        "{answer}"
    );
    // A handler whose own work ended with that time says so by 504 or 503; a nanosecond is over before any handler is asked.
    let late = get(async || {
        tokio::time::sleep_until(resilience::Deadline::current().unwrap().at()).await;
        axum::http::StatusCode::GATEWAY_TIMEOUT
    });
    let limits = Limits::default().with(|limits| limits.deadline = Duration::from_secs(60));
    let other = self::server(limits, Router::new().route("/late", late)).await;
    for timeout in ["20m", "1n"] {
        assert_eq!(status(&exchange(other.address, with("/late", timeout)).await), 408, "{timeout}");
    }
    let answer = exchange(server.address, with("/told", "1H")).await;
    assert!(answer.ends_with("Some(59)") || answer.ends_with("Some(60)"), "{answer}");
    let answer = exchange(server.address, with("/told", "soon")).await;
    assert_eq!(status(&answer), 400);
    assert!(problem(&answer)["detail"].as_str().unwrap().contains("250m"), "{answer}");
}

#[tokio::test]
async fn the_criticality_of_a_caller_reaches_the_handler_and_is_never_above_the_default() {
    let told = get(async || resilience::Criticality::current().name());
    let server = server(Limits::default(), Router::new().route("/told", told)).await;
    for (header, seen) in [("sheddable", "sheddable"), ("critical", "default"), ("nonsense", "default")] {
        let request = format!("GET /told HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncriticality: {header}\r\n\r\n");
        let answer = exchange(server.address, request).await;
        assert!(status(&answer) == 200 && answer.ends_with(seen), "{header}: {answer}");
    }
}

#[tokio::test]
async fn a_callers_request_id_is_kept_when_it_is_well_formed() {
    let server = server(Limits::default(), routes()).await;
    let with = |id: &str| format!("GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: {id}\r\n\r\n");
    assert!(exchange(server.address, with("abc-123")).await.contains("x-request-id: abc-123\r\n"));
    assert!(!exchange(server.address, with("a b\"c")).await.contains("a b"));
}

#[tokio::test]
async fn connections_over_the_bound_of_an_address_are_refused_and_others_are_served() {
    let server = server(Limits::default().with(|limits| limits.connections_per_address = 2), routes()).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut byte = [0; 1];
        socket.read_exact(&mut byte).await.unwrap();
        held.push(socket);
    }
    let refused = exchange(server.address, "").await;
    assert_eq!(status(&refused), 503, "{refused}");

    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(server.address).await.unwrap();
    other.write_all(close("GET", "/hello").as_bytes()).await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 200);
}

#[tokio::test]
async fn endless_bodies_hold_no_permit_that_another_address_needs() {
    let server = server(
        Limits::default().with(|limits| {
            limits.in_flight = 3;
            limits.in_flight_per_address = 2;
        }),
        routes(),
    )
    .await;
    let endless = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(endless.as_bytes()).await.unwrap();
        held.push(socket);
    }
    // Two of them are worked on when the other two have been refused.
    let refusals = async {
        let mut refused = 0;
        while refused < 2 {
            for socket in &held {
                let mut start = [0; 12];
                refused += usize::from(socket.try_read(&mut start).is_ok_and(|read| start[..read].ends_with(b" 503")));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refusals).await.expect("two of four are refused");
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(server.address).await.unwrap();
    other.write_all(close("GET", "/hello").as_bytes()).await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(exchange(server.address, close("GET", "/hello")).await.contains("from this address"));
}

#[tokio::test]
async fn a_stopping_listener_finishes_requests_in_flight_and_refuses_new_connections() {
    let (entered, mut has_entered) = tokio::sync::mpsc::channel::<()>(1);
    let leave = Arc::new(tokio::sync::Notify::new());
    let handler = get({
        let leave = leave.clone();
        move || {
            let (entered, leave) = (entered.clone(), leave.clone());
            async move {
                entered.send(()).await.unwrap();
                leave.notified().await;
                "done"
            }
        }
    });
    let server = server(Limits::default(), Router::new().route("/wait", handler)).await;
    let in_flight = tokio::spawn(exchange(server.address, "GET /wait HTTP/1.1\r\nhost: x\r\n\r\n"));
    has_entered.recv().await.unwrap();
    server.stop.request();
    // The listening socket is closed while the request is still being worked on.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.notify_one();
    let answer = in_flight.await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(server.done.await.unwrap(), 0);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_class() {
    let server = server(Limits::default(), routes()).await;
    for target in ["/hello", "/hello", "/a", "/b"] {
        exchange(server.address, close("GET", target)).await;
    }
    let text = telemetry::prometheus::text(&server.registry.snapshot());
    for line in [
        r#"http_server_requests_total{listener="public",http_route="/hello",http_request_method="GET",http_response_status_code="2xx",error_type=""} 2"#,
        r#"http_server_requests_total{listener="public",http_route="unmatched",http_request_method="GET",http_response_status_code="4xx",error_type=""} 2"#,
        r#"http_server_request_duration_seconds_count{listener="public",http_route="/hello",http_request_method="GET",error_type=""} 2"#,
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
}

#[tokio::test]
async fn a_reserved_address_refuses_connections_until_it_listens() {
    let border = Border::new("public", Limits::default(), &Registry::new());
    let reserved = Listener::reserve("127.0.0.1:0".parse().unwrap(), border.clone()).unwrap();
    let address = reserved.address();
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    let listener = reserved.listen().unwrap();
    assert!(TcpStream::connect(address).await.is_ok());
    // Who comes second finds out at once.
    let taken = Listener::reserve(listener.address(), border).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn an_accept_loop_that_broke_off_goes_on_with_the_same_socket_and_connections() {
    let border = Border::new("public", Limits::default(), &Registry::new());
    let listener = Arc::new(Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap());
    let (address, stop) = (listener.address(), StopSource::new());
    let serve = || {
        let (listener, stopped) = (listener.clone(), stop.listen());
        tokio::spawn(async move { listener.serve(routes(), stopped, Duration::from_secs(5)).await })
    };
    let broken = serve();
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    kept.read_exact(&mut [0; 12]).await.unwrap();
    broken.abort();
    assert!(broken.await.unwrap_err().is_cancelled());

    let again = serve();
    assert_eq!(status(&exchange(address, close("GET", "/hello")).await), 200);
    // The connection from before is told to end as well.
    stop.request();
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).await.unwrap();
    assert_eq!(again.await.unwrap(), 0);
}

#[tokio::test]
async fn some_routes_can_have_limits_of_their_own() {
    let registry = Registry::new();
    let border = Border::new("public", Limits::default().with(|limits| limits.body_bytes = 1000), &registry);
    let wide = border.with_limits(border.limits().clone().with(|limits| limits.body_bytes = 10_000));
    let upload_route = Router::new().route("/upload", post(async |body: String| body.len().to_string()));
    let routes = border.around(routes()).merge(wide.around(upload_route));
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    tokio::spawn(async move { listener.serve(routes, stopped, Duration::from_secs(5)).await });
    let body = "c".repeat(5000);
    assert_eq!(status(&exchange(address, upload(&body, "text/plain")).await), 413);
    let elsewhere = upload(&body, "text/plain").replace("/echo", "/upload");
    let answer = exchange(address, elsewhere).await;
    assert!(status(&answer) == 200 && answer.ends_with("5000"), "{answer}");
    assert_eq!(status(&exchange(address, close("GET", "/nothing")).await), 404);
}

#[tokio::test]
async fn a_drain_waits_for_upgraded_connections() {
    let (upgraded, mut has_upgraded) = tokio::sync::mpsc::channel(1);
    let handler = get(move |mut request: axum::extract::Request| {
        let upgraded = upgraded.clone();
        async move {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move { upgraded.send(upgrade.await.unwrap()).await.unwrap() });
            (axum::http::StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "echo")])
        }
    });
    let server = server(Limits::default(), Router::new().route("/socket", handler)).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let head = "GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let socket = has_upgraded.recv().await.unwrap();
    server.stop.request();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // The socket still works while the listener drains: a handler can say goodbye.
    let mut socket = hyper_util::rt::TokioIo::new(socket);
    assert!(!server.done.is_finished());
    socket.write_all(b"goodbye").await.unwrap();
    drop(socket);
    assert_eq!(server.done.await.unwrap(), 0);
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("goodbye"), "{rest}");
}
