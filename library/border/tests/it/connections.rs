//! HTTP/1.1 connections whose clients pipeline, leave, or come when there is no place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use evenkeel_border::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{SOON, close, exchange, others_until, server, status};

/// More than the buffers of a connection hold.
const LARGE: usize = 16 << 20;

fn routes() -> Router {
    Router::new().route("/hello", get(async || "hello")).route("/large", get(async || vec![b'x'; LARGE]))
}

/// Reads one answer with a Content-Length; returns the length of its body.
async fn read_answer(socket: &mut TcpStream) -> usize {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("the head of an answer"));
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok()).unwrap();
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.expect("a whole answer");
    length
}

#[tokio::test]
async fn a_client_that_pipelines_during_a_long_answer_gets_both_answers() {
    let short = Duration::from_millis(500);
    let server = server(Limits::default().with(|limits| limits.head_timeout = short), routes()).await;
    let (mut socket, start) = (TcpStream::connect(server.address).await.unwrap(), Instant::now());
    socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The answer has begun when the next request's first bytes come.
    socket.readable().await.unwrap();
    socket.write_all(b"GET /hello HTTP/1.1\r\nho").await.unwrap();
    others_until(server.address, start, 2 * short).await;
    assert_eq!(read_answer(&mut socket).await, LARGE);
    socket.write_all(b"st: x\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut socket).await, 5);
}

#[tokio::test]
async fn an_answer_that_is_not_taken_holds_its_permit_until_its_connection_is_cut() {
    let limits = Limits::default().with(|limits| limits.write_timeout = Duration::from_secs(2));
    let server = server(limits, routes()).await;
    let in_flight = r#"http_listener_requests_in_flight{listener="public"}"#;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    socket.readable().await.unwrap();
    assert_eq!(server.metric(in_flight), 1);
    server.until(in_flight, 0).await;
    assert_eq!(server.metric(r#"http_listener_connections_timed_out_total{listener="public"}"#), 1);
}

#[tokio::test]
async fn requests_whose_clients_leave_are_counted_as_cancelled() {
    struct Left(Arc<AtomicUsize>);
    impl Drop for Left {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (entered, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = get({
        let (entered, left) = (entered.clone(), left.clone());
        async move || {
            let _left = Left(left);
            entered.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    });
    let server = server(Limits::default(), routes().route("/wait", handler)).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(close("GET", "/wait").as_bytes()).await.unwrap();
        clients.push(socket);
    }
    let all_entered = async {
        while entered.load(Ordering::SeqCst) < 20 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, all_entered).await.unwrap();
    drop(clients);
    let requests = r#"http_server_requests_total{listener="public",route="/wait",method="GET",status="cancelled"}"#;
    server.until(requests, 20).await;
    let durations = r#"http_server_request_duration_seconds_count{listener="public",route="/wait",method="GET"}"#;
    assert_eq!(server.metric(durations), 20);
    assert_eq!(left.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn a_refused_connection_gets_its_answer_although_it_has_sent_a_request() {
    let server = server(Limits::default().with(|limits| limits.connections_per_address = 1), routes()).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut first).await, 5);
    for _ in 0..20 {
        let mut second = TcpStream::connect(server.address).await.unwrap();
        let head = "POST /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
        second.write_all(format!("{head}{}", "x".repeat(100_000)).as_bytes()).await.expect("nothing is reset");
        let mut answer = String::new();
        tokio::time::timeout(SOON, second.read_to_string(&mut answer)).await.unwrap().expect("nothing is reset");
        assert_eq!(status(&answer), 503);
    }
    drop(first);
    server.until(r#"http_listener_connections{listener="public"}"#, 0).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
}
