//! HTTP/1.1 connections whose clients pipeline, leave, or exceed the connection limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use evenkeel_border::{Border, Limits, Listener};
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vitals::Registry;

use crate::server::{SOON, close, exchange, others_until, server, status};

/// Size beyond the buffers of a connection.
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
    let in_flight = r#"http_server_active_requests{listener="public"}"#;
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
    let requests = r#"http_server_requests_total{listener="public",http_route="/wait",http_request_method="GET",http_response_status_code="",error_type="cancelled"}"#;
    server.until(requests, 20).await;
    let durations = r#"http_server_request_duration_seconds_count{listener="public",http_route="/wait",http_request_method="GET",error_type="cancelled"}"#;
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

#[tokio::test]
async fn refused_connections_get_their_answer_beside_many_that_say_nothing() {
    let server = server(Limits::default().with(|limits| limits.connections_per_address = 1), routes()).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut first).await, 5);
    // They take all places of those that are waited for.
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    server.until(r#"http_listener_connections_refused_total{listener="public"}"#, 64).await;
    for _ in 0..20 {
        // Without a pause between them, so that the request has come when the connection is taken.
        let mut sent = std::net::TcpStream::connect(server.address).unwrap();
        std::io::Write::write_all(&mut sent, b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        sent.set_nonblocking(true).unwrap();
        let (mut asking, mut answer) = (TcpStream::from_std(sent).unwrap(), String::new());
        tokio::time::timeout(SOON, asking.read_to_string(&mut answer)).await.unwrap().expect("nothing is reset");
        assert_eq!(status(&answer), 503);
    }
}

#[tokio::test]
async fn bounds_by_address_hold_for_the_clients_of_a_trusted_proxy_and_no_other_peer_can_name_one() {
    let waits = routes().route("/wait", get(async || std::future::pending::<()>().await));
    let limits = Limits::default().with(|limits| {
        limits.in_flight_per_address = 1;
        limits.connections_per_address = 1;
        limits.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    let server = server(limits, waits).await;
    let of = |path: &str, client: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: {client}\r\n\r\n")
    };
    let mut held = TcpStream::connect(server.address).await.unwrap();
    held.write_all(of("/wait", "192.0.2.1").as_bytes()).await.unwrap();
    let in_flight = r#"http_server_active_requests{listener="public"}"#;
    server.until(in_flight, 1).await;
    assert_eq!(status(&exchange(server.address, of("/hello", "192.0.2.1")).await), 503);
    assert_eq!(status(&exchange(server.address, of("/hello", "192.0.2.2")).await), 200);

    // A stranger that claims to be another: its connections and requests are its own.
    let stranger = async || {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        socket.connect(server.address).await.unwrap()
    };
    let mut first = stranger().await;
    first.write_all(of("/wait", "192.0.2.3").as_bytes()).await.unwrap();
    server.until(in_flight, 2).await;
    let (mut second, mut answer) = (stranger().await, String::new());
    second.write_all(of("/hello", "192.0.2.4").as_bytes()).await.unwrap();
    second.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 503);
}

#[tokio::test]
async fn connections_of_trusted_proxies_are_those_of_the_clients_that_their_headers_name() {
    let who = get(async |axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<SocketAddr>| peer.to_string());
    let limits = Limits::default().with(|limits| {
        limits.connections_per_address = 1;
        limits.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        limits.proxy_protocol = true;
    });
    let server = server(limits, routes().route("/who", who)).await;
    let header = |client: &str| format!("PROXY TCP4 {client} 198.51.100.1 4711 80\r\n");
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /who HTTP/1.1\r\nhost: x\r\n\r\n";
    first.write_all(format!("{}{request}", header("192.0.2.1")).as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut first).await, "192.0.2.1:4711".len());
    let close = close("GET", "/who");
    assert_eq!(status(&exchange(server.address, format!("{}{close}", header("192.0.2.1"))).await), 503);
    let other = exchange(server.address, format!("{}{close}", header("192.0.2.2"))).await;
    assert!(other.ends_with("192.0.2.2:4711"), "{other}");
    // No header, no answer.
    assert_eq!(exchange(server.address, &close).await, "");
    // A stranger's header is no request.
    let stranger = tokio::net::TcpSocket::new_v4().unwrap();
    stranger.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let (mut stranger, mut answer) = (stranger.connect(server.address).await.unwrap(), String::new());
    stranger.write_all(format!("{}{close}", header("192.0.2.3")).as_bytes()).await.unwrap();
    let _ = stranger.read_to_string(&mut answer).await;
    assert_eq!(status(&answer), 400);
}

/// Requests of eight pipelining clients and of one bystander, in the order in which their handlers run.
#[tokio::test]
async fn a_client_waits_for_few_of_the_pipelined_requests_of_others() {
    let (flooding, pipelined) = (8, 64);
    let handled = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let handled = handled.clone();
        get(async move || handled.lock().unwrap().push(name))
    };
    let routes = Router::new().route("/flood", note("flood")).route("/bystander", note("bystander"));
    // Nothing is read before all requests are in the sockets.
    let border = Border::new("public", Limits::default(), &Registry::new());
    let routes = border.around(routes);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let mut clients = Vec::new();
    for path in [vec!["/flood"; flooding], vec!["/bystander"]].concat() {
        let mut client = TcpStream::connect(listener.address()).await.unwrap();
        let count = if path == "/flood" { pipelined } else { 1 };
        client.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(count).as_bytes()).await.unwrap();
        clients.push(client);
    }
    let stop = StopSource::new();
    let stopped = stop.listen();
    tokio::spawn(async move { listener.serve(routes, stopped, SOON).await });
    let all = async {
        while handled.lock().unwrap().len() < flooding * pipelined + 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, all).await.expect("all are handled");
    let before = handled.lock().unwrap().iter().position(|name| *name == "bystander").unwrap();
    assert!(before <= flooding * 5, "{before} requests of others came first");
}
