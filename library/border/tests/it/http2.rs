//! HTTP/2 clients that take their answers late, in part, or never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use evenkeel_border::Limits;
use h2::client::{Builder, SendRequest};
use h2::{PingPong, Reason};
use http::Request;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::server::{SOON, Server, close, exchange, server, status};

/// A size that HTTP/2 sends in several pieces.
const LARGE: usize = 100_000;

fn routes() -> Router {
    let chunks = async || {
        let chunks =
            futures_util::stream::iter([1000, 20_000, 79_000].map(|size| Ok::<_, std::io::Error>(vec![b'x'; size])));
        Body::from_stream(chunks)
    };
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/large", get(async || vec![b'x'; LARGE]))
        .route("/stream", get(chunks))
}

#[derive(Clone)]
struct Client {
    requests: SendRequest<Bytes>,
}

/// The rest of a connection: its pings and its end.
struct Rest {
    ping: PingPong,
    connection: JoinHandle<Result<(), h2::Error>>,
}

/// A client with this window for each stream, and a wide one for the connection.
async fn client(server: &Server, window: u32) -> Client {
    connect(server, window).await.0
}

async fn connect(server: &Server, window: u32) -> (Client, Rest) {
    let socket = TcpStream::connect(server.address).await.unwrap();
    let mut builder = Builder::new();
    builder.initial_window_size(window).initial_connection_window_size(16 << 20);
    let (requests, mut connection) = builder.handshake(socket).await.unwrap();
    let ping = connection.ping_pong().unwrap();
    (Client { requests }, Rest { ping, connection: tokio::spawn(connection) })
}

/// Sends a request and returns the status and the body, which takes nothing until it is read.
async fn ask(client: &mut Client, path: &str) -> Result<(u16, h2::RecvStream), h2::Error> {
    let request = Request::get(format!("http://x{path}")).body(()).unwrap();
    let mut ready = client.requests.clone().ready().await?;
    let response = ready.send_request(request, true)?.0.await?;
    Ok((response.status().as_u16(), response.into_body()))
}

/// Reads a body without giving the server more window.
async fn read(mut body: h2::RecvStream) -> (usize, Result<(), h2::Error>) {
    let mut length = 0;
    loop {
        match tokio::time::timeout(SOON, body.data()).await.expect("the body ends") {
            Some(Ok(data)) => length += data.len(),
            Some(Err(error)) => return (length, Err(error)),
            None => return (length, Ok(())),
        }
    }
}

const IN_FLIGHT: &str = r#"http_server_active_requests{listener="public"}"#;
const ANSWERS_CUT: &str = r#"http_listener_answers_cut_total{listener="public"}"#;
const CONNECTIONS: &str = r#"http_listener_connections{listener="public"}"#;

/// Returns limits for unread answers: the shorter, the sooner the test ends.
fn impatient() -> Limits {
    Limits::default().with(|limits| limits.write_timeout = Duration::from_millis(300))
}

/// Returns limits for events that must happen before the timeout, on a loaded machine too.
fn patient() -> Limits {
    Limits::default().with(|limits| limits.write_timeout = Duration::from_secs(3))
}

#[tokio::test]
async fn unread_answers_hold_their_permits_until_they_are_reset() {
    let server = server(patient().with(|limits| limits.in_flight = 4), routes()).await;
    let mut clients = [client(&server, 0).await, client(&server, 0).await];
    let (mut held, mut refused) = (Vec::new(), 0);
    for n in 0..6 {
        let (status, body) = ask(&mut clients[n % 2], "/large").await.unwrap();
        match status {
            200 => held.push(body),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((held.len(), refused), (4, 2));
    assert_eq!(server.metric(IN_FLIGHT), 4);
    for body in held {
        let (length, ended) = read(body).await;
        assert_eq!((length, ended.unwrap_err().reason()), (0, Some(Reason::CANCEL)));
    }
    server.until(IN_FLIGHT, 0).await;
    assert!(server.metric(ANSWERS_CUT) >= 4);
    assert_eq!(server.metric(CONNECTIONS), 2, "the connections stay");
}

#[tokio::test]
async fn an_answer_is_reset_when_its_last_bytes_are_not_taken() {
    let server = server(impatient(), routes()).await;
    for (path, window) in
        [("/large", LARGE - 1), ("/stream", LARGE - 1), ("/large", 1), ("/stream", 20_999), ("/hello", 4)]
    {
        let mut client = client(&server, window as u32).await;
        let (length, ended) = read(ask(&mut client, path).await.unwrap().1).await;
        assert!(length <= window && ended.is_err(), "{path} with a window of {window}: {length} bytes, {ended:?}");
        server.until(IN_FLIGHT, 0).await;
    }
}

#[tokio::test]
async fn an_answer_as_large_as_the_window_ends_without_more_of_it() {
    let server = server(patient(), routes()).await;
    for (path, size) in [("/large", LARGE), ("/stream", LARGE), ("/hello", 5)] {
        let mut client = client(&server, size as u32).await;
        let (length, ended) = read(ask(&mut client, path).await.unwrap().1).await;
        assert_eq!(length, size, "{path}");
        ended.unwrap();
        server.until(IN_FLIGHT, 0).await;
    }
    assert_eq!(server.metric(ANSWERS_CUT), 0);
}

#[tokio::test]
async fn a_connection_with_too_many_unsent_bytes_starts_no_handler_until_answers_are_taken_or_reset() {
    let started = Arc::new(AtomicUsize::new(0));
    let large = get({
        let started = started.clone();
        async move || {
            started.fetch_add(1, Ordering::SeqCst);
            vec![b'x'; LARGE]
        }
    });
    // Room for two answers, beside what the streams take.
    let limits = Limits::default().with(|limits| {
        limits.streams = 6;
        limits.unsent_bytes = LARGE as u64 * 5 / 2 + 6 * 10 * 1024;
    });
    let server = server(limits, routes().route("/counted", large)).await;
    let client = client(&server, 0).await;
    let (heads, mut answered) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..6 {
        let (mut client, heads) = (client.clone(), heads.clone());
        tokio::spawn(async move { heads.send(ask(&mut client, "/counted").await.unwrap()).unwrap() });
    }
    for expected in [2, 4, 6] {
        let held = [answered.recv().await.unwrap(), answered.recv().await.unwrap()];
        assert!(held.iter().all(|(status, _)| *status == 200));
        server.until(IN_FLIGHT, 6 - (expected - 2)).await;
        // Another connection is served.
        assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 200);
        assert_eq!(started.load(Ordering::SeqCst) as u64, expected);
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_leaves_others_of_its_connection() {
    let server = server(impatient(), routes()).await;
    let mut client = client(&server, 5).await;
    let stuck = ask(&mut client, "/large").await.unwrap().1;
    let (_, ended) = read(stuck).await;
    assert!(ended.is_err());
    let (length, ended) = read(ask(&mut client, "/hello").await.unwrap().1).await;
    assert_eq!(length, 5);
    ended.unwrap();
}

#[tokio::test]
async fn a_connection_without_an_open_stream_ends_in_spite_of_pings() {
    let server = server(Limits::default().with(|limits| limits.idle_timeout = Duration::from_secs(1)), routes()).await;
    let (mut client, mut rest) = connect(&server, 65_535).await;
    let (_, ended) = read(ask(&mut client, "/hello").await.unwrap().1).await;
    ended.unwrap();
    let ends = async {
        // Fewer than a flood.
        while rest.ping.ping(h2::Ping::opaque()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (&mut rest.connection).await.unwrap()
    };
    // GOAWAY with NO_ERROR, and no failure of the connection.
    tokio::time::timeout(SOON, ends).await.expect("the connection ends").unwrap();
    assert_eq!(server.metric(r#"http_listener_connections_timed_out_total{listener="public"}"#), 0);
    server.until(CONNECTIONS, 0).await;
}

#[tokio::test]
async fn a_refused_connection_gets_a_goaway_that_lets_it_repeat_its_requests() {
    let server = server(Limits::default().with(|limits| limits.connections_per_address = 1), routes()).await;
    let mut first = client(&server, 65_535).await;
    assert_eq!(ask(&mut first, "/hello").await.unwrap().0, 200);
    let mut second = client(&server, 65_535).await;
    let refused = ask(&mut second, "/hello").await.unwrap_err();
    assert_eq!((refused.is_go_away(), refused.is_remote(), refused.reason()), (true, true, Some(Reason::NO_ERROR)));
}
