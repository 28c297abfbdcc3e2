//! Clients that take, hold or send what only costs the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use evenkeel_border::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::server::{SOON, close, exchange, server, status};

const MIB: usize = 1 << 20;

/// Memory of answers that exist, and the most that ever existed.
#[derive(Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Answer {
    bytes: Vec<u8>,
    held: Arc<Held>,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.held.now.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

impl Held {
    fn answer(self: &Arc<Self>, size: usize) -> Body {
        let now = self.now.fetch_add(size, Ordering::SeqCst) + size;
        self.most.fetch_max(now, Ordering::SeqCst);
        Body::from(Bytes::from_owner(Answer { bytes: vec![b'x'; size], held: self.clone() }))
    }
}

/// The preface of HTTP/2 with a window of zero for each stream, and requests for `/large` on so many streams, in one piece.
fn requests_without_a_window(streams: u32) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0".to_vec();
    for n in 0..streams {
        // :method GET, :scheme http, :path /large, :authority x.
        let head = b"\x82\x86\x04\x06/large\x01\x01x";
        bytes.extend([0, 0, head.len() as u8, 1, 5]);
        bytes.extend((2 * n + 1).to_be_bytes());
        bytes.extend(head);
    }
    bytes
}

/// Routes with one that answers with 8 MiB, and a handler that takes its time when `waits` is there.
fn large(held: &Arc<Held>, waits: Option<Arc<tokio::sync::Semaphore>>) -> Router {
    let held = held.clone();
    let handler = get(async move || {
        if let Some(waits) = &waits {
            let _ = waits.acquire().await;
        }
        held.answer(8 * MIB)
    });
    Router::new().route("/hello", get(async || "hello")).route("/large", handler)
}

#[tokio::test]
async fn an_http2_client_without_a_window_makes_the_server_hold_no_more_than_its_bound() {
    let held = Arc::new(Held::default());
    let server = server(Limits::default(), large(&held, None)).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(&requests_without_a_window(200)).await.unwrap();
    server.until(r#"http_server_active_requests{listener="public"}"#, 128).await;
    for _ in 0..20 {
        assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
    }
    // A second answer would leave nothing of the 16 MiB for the streams.
    assert_eq!(held.most.load(Ordering::SeqCst), 8 * MIB);
    drop(socket);
    let gone = async {
        while held.now.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("nothing is held without its client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_too_it_holds_one_answer_whether_its_size_is_known_or_not() {
    let held = Arc::new(Held::default());
    let server = server(Limits::default(), large(&held, None)).await;
    let active = r#"http_server_active_requests{listener="public"}"#;
    for known in [false, true] {
        held.most.store(0, Ordering::SeqCst);
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(&requests_without_a_window(128)).await.unwrap();
        server.until(active, 128).await;
        for _ in 0..20 {
            assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
        }
        assert_eq!(held.most.load(Ordering::SeqCst), 8 * MIB, "known: {known}");
        drop(socket);
        server.until(active, 0).await;
    }
}

#[tokio::test]
async fn small_answers_are_given_while_slow_readers_hold_more_bytes_than_may_wait() {
    let held = Arc::new(Held::default());
    let limits = Limits::default().with(|limits| {
        limits.unsent_bytes_in_all = 12 * MIB as u64;
        // Nobody is cut.
        (limits.rate_grace, limits.write_timeout) = (Duration::from_secs(600), Duration::from_secs(600));
    });
    let server = server(limits, large(&held, None)).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
    let mut readers = Vec::new();
    for waiting in 1..=4 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(&requests_without_a_window(1)).await.unwrap();
        readers.push(socket);
        server.until(r#"http_server_active_requests{listener="public"}"#, waiting).await;
    }
    for _ in 0..20 {
        let answer = tokio::time::timeout(SOON, exchange(server.address, close("GET", "/hello")));
        assert_eq!(status(&answer.await.expect("an answer")), 200);
    }
    assert_eq!(held.most.load(Ordering::SeqCst), 16 * MIB, "large answers wait for room");
}

#[tokio::test]
async fn answers_of_handlers_that_started_together_are_replaced_where_there_is_no_room_for_them() {
    let (held, waits) = (Arc::new(Held::default()), Arc::new(tokio::sync::Semaphore::new(0)));
    let server =
        server(Limits::default().with(|limits| limits.objective = None), large(&held, Some(waits.clone()))).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(&requests_without_a_window(100)).await.unwrap();
    server.until(r#"http_server_active_requests{listener="public"}"#, 100).await;
    waits.add_permits(100);
    let refused = r#"http_server_requests_total{listener="public",http_route="/large",http_request_method="GET",http_response_status_code="5xx",error_type="5xx"}"#;
    // Four times the bound of 16 MiB is eight answers.
    server.until(refused, 92).await;
    let most = held.most.load(Ordering::SeqCst);
    assert!(most <= 72 * MIB, "{} MiB", most / MIB);
}

#[tokio::test]
async fn answers_of_all_connections_together_have_a_bound_and_others_are_served_when_readers_have_gone() {
    let held = Arc::new(Held::default());
    let limits = Limits::default().with(|limits| {
        limits.unsent_bytes_in_all = 20 * MIB as u64;
        limits.rate_grace = Duration::from_secs(2);
    });
    let server = server(limits, large(&held, None)).await;
    let mut readers = Vec::new();
    for _ in 0..4 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut socket = socket.connect(server.address).await.unwrap();
        socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        readers.push(socket);
    }
    // Those that take nothing are cut, and then this one has its turn.
    let mut answer = Vec::new();
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(close("GET", "/large").as_bytes()).await.unwrap();
    tokio::time::timeout(SOON, socket.read_to_end(&mut answer)).await.expect("an answer").unwrap();
    assert!(answer.len() > 8 * MIB, "{}", String::from_utf8_lossy(&answer[..answer.len().min(200)]));
    let most = held.most.load(Ordering::SeqCst);
    assert!(most <= 32 * MIB, "{} MiB", most / MIB);
    assert!(server.metric(r#"http_listener_connections_timed_out_total{listener="public"}"#) >= 1);
}

#[tokio::test]
async fn handlers_that_start_together_hold_the_room_of_all_connections_and_others_wait_for_it() {
    let (held, waits) = (Arc::new(Held::default()), Arc::new(tokio::sync::Semaphore::new(1)));
    let limits = Limits::default().with(|limits| {
        limits.unsent_bytes_in_all = 12 * MIB as u64;
        limits.objective = None;
        // Nobody is cut.
        (limits.rate_grace, limits.write_timeout) = (Duration::from_secs(600), Duration::from_secs(600));
    });
    let server = server(limits, large(&held, Some(waits.clone()))).await;
    // The size of the answers is known.
    exchange(server.address, close("GET", "/large")).await;
    waits.forget_permits(1);
    let (active, mut readers) = (r#"http_server_active_requests{listener="public"}"#, Vec::new());
    for waiting in 1..=20 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut socket = socket.connect(server.address).await.unwrap();
        socket.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        readers.push(socket);
        server.until(active, waiting).await;
    }
    waits.add_permits(100);
    // Those that leave make room for as many of those that wait, until two are left.
    for left in (2..20).rev() {
        drop(readers.remove(0));
        server.until(active, left).await;
    }
    let most = held.most.load(Ordering::SeqCst);
    assert_eq!(most, 16 * MIB, "{} MiB", most / MIB);
}

#[tokio::test]
async fn a_connection_ends_after_its_last_request_and_says_so() {
    let limits = Limits::default().with(|limits| limits.max_requests = 3);
    let server = server(limits, Router::new().route("/hello", get(async || "hello"))).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut answers = Vec::new();
    for _ in 0..3 {
        socket.write_all(request).await.unwrap();
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(SOON, socket.read(&mut bytes)).await.unwrap().unwrap();
        answers.push(String::from_utf8_lossy(&bytes[..read]).to_ascii_lowercase());
    }
    let closes: Vec<bool> = answers.iter().map(|answer| answer.contains("connection: close")).collect();
    assert_eq!(closes, [false, false, true], "{answers:?}");
    assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn idle_connections_make_place_for_new_ones() {
    let limits = Limits::default().with(|limits| {
        limits.connections = 10;
        limits.idle_timeout_under_pressure = Duration::ZERO;
    });
    let server = server(limits, Router::new().route("/hello", get(async || "hello"))).await;
    let mut idle = Vec::new();
    for _ in 0..9 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        socket.read_exact(&mut [0; 12]).await.unwrap();
        idle.push(socket);
    }
    let mut rest = Vec::new();
    tokio::time::timeout(SOON, idle[0].read_to_end(&mut rest)).await.expect("the oldest is closed").unwrap();
    let closed = r#"http_listener_connections_closed_early_total{listener="public"}"#;
    let before = server.metric(closed);
    assert!(before >= 1);
    assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
}

#[tokio::test]
async fn networks_without_bounds_by_address_have_as_many_connections_as_the_listener() {
    let limits = Limits::default().with(|limits| {
        limits.connections_per_address = 1;
        limits.in_flight_per_address = 1;
        limits.unbounded_addresses = vec!["127.0.0.1".parse().unwrap()];
    });
    let waits = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/wait", get(async || std::future::pending::<()>().await));
    let server = server(limits, waits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(close("GET", "/wait").as_bytes()).await.unwrap();
        held.push(socket);
    }
    server.until(r#"http_server_active_requests{listener="public"}"#, 3).await;
    assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
}

#[tokio::test]
async fn a_transfer_coding_that_is_not_implemented_ends_the_connection() {
    let server = server(Limits::default(), Router::new().route("/hello", get(async || "hello"))).await;
    let head = "POST /hello HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    // The client did not ask for the end of the connection, and it ends long before it would be idle.
    let answer = tokio::time::timeout(SOON, exchange(server.address, head)).await.expect("the connection ends");
    assert_eq!(status(&answer), 501);
}

#[tokio::test]
async fn connections_that_their_clients_have_left_are_dropped_when_they_are_accepted_late() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    // The only thread computes for long, and nothing is accepted meanwhile.
    let computes = || async {
        std::thread::sleep(Duration::from_millis(80));
        "computed"
    };
    let hello = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        "hello"
    };
    let routes = Router::new().route("/computes", get(computes)).route("/hello", get(hello));
    let server = server(Limits::default(), routes).await;
    let gone = r#"http_listener_connections_gone_total{listener="public"}"#;

    // The loop is in time: the end of the client's half is no reason.
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    half.shutdown().await.unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 200);
    assert_eq!((asked.load(Ordering::SeqCst), server.metric(gone)), (1, 0));

    for _ in 0..3 {
        let (address, sent) = (server.address, std::sync::mpsc::channel());
        // Its answer shows that the loop was late; while the next one computes, clients come and leave.
        assert_eq!(status(&exchange(address, close("GET", "/computes")).await), 200);
        let next = tokio::spawn(async move { exchange(address, close("GET", "/computes")).await });
        let clients = std::thread::spawn(move || {
            use std::io::Write;
            let connect = || {
                let mut socket = std::net::TcpStream::connect(address).unwrap();
                socket.write_all(close("GET", "/hello").as_bytes()).unwrap();
                socket
            };
            std::thread::sleep(Duration::from_millis(20));
            for _ in 0..5 {
                drop(connect());
            }
            let _ = sent.0.send(connect());
        });
        assert_eq!(status(&next.await.unwrap()), 200);
        clients.join().unwrap();
        let stays = sent.1.recv().unwrap();
        stays.set_nonblocking(true).unwrap();
        let mut answer = String::new();
        TcpStream::from_std(stays).unwrap().read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), 200);
    }
    // A client whose connection was accepted before the computation is asked for, as always.
    let (gone, asked) = (server.metric(gone), asked.load(Ordering::SeqCst));
    assert!(gone >= 5 && asked as u64 + gone == 1 + 3 * 6, "{gone} are gone, {asked} were asked for");
}
