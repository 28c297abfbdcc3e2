//! Upgraded connections, such as WebSocket.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use evenkeel_border::{Draining, Limits};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{SOON, Server, close, exchange, others_until, server, server_that_drains, status};

const CONNECTIONS: &str = r#"http_listener_connections{listener="public"}"#;

/// Changes to a protocol that sends back every byte, until the drain when it follows that.
fn echo(draining: Option<Draining>, request: Request) -> Response {
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let mut socket = TokioIo::new(upgraded);
        let mut bytes = [0; 64];
        loop {
            let drained = async {
                match &draining {
                    Some(draining) => draining.requested().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = socket.read(&mut bytes) => match read {
                    Ok(1..) if socket.write_all(&bytes[..1]).await.is_ok() => {}
                    _ => return,
                },
                () = drained => {
                    let _ = socket.write_all(b"bye").await;
                    return;
                }
            }
        }
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let response = response.header(header::CONNECTION, "upgrade").header(header::UPGRADE, "websocket");
    response.body(Body::empty()).unwrap()
}

fn routes() -> Router {
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/socket", get(async |request: Request| echo(None, request)))
        .route("/polite", get(async |draining: Draining, request: Request| echo(Some(draining), request)))
}

/// An upgraded connection.
async fn upgraded(server: &Server, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert_eq!(status(&String::from_utf8(head).unwrap()), 101);
    socket
}

async fn echoes(socket: &mut TcpStream) -> bool {
    socket.write_all(b"x").await.is_ok() && socket.read_u8().await.is_ok()
}

#[tokio::test]
async fn an_upgraded_connection_outlives_the_timeouts_of_requests() {
    let short = Duration::from_millis(500);
    let limits = Limits::default().with(|limits| {
        limits.head_timeout = short;
        limits.idle_timeout = short;
    });
    let server = server(limits, routes()).await;
    let (mut socket, start) = (upgraded(&server, "/socket").await, Instant::now());
    // The first byte of a frame, as slow as a request head must not be.
    assert!(echoes(&mut socket).await);
    others_until(server.address, start, 2 * short).await;
    assert!(echoes(&mut socket).await);
}

#[tokio::test]
async fn an_upgraded_connection_counts_as_a_connection_until_it_ends() {
    let server = server(Limits::default().with(|limits| limits.connections_per_address = 1), routes()).await;
    let mut socket = upgraded(&server, "/socket").await;
    assert!(echoes(&mut socket).await);
    assert_eq!(server.metric(CONNECTIONS), 1);
    assert_eq!(server.metric(r#"http_server_active_requests{listener="public"}"#), 0);
    assert_eq!(status(&exchange(server.address, close("GET", "/hello")).await), 503);
    drop(socket);
    server.until(CONNECTIONS, 0).await;
}

#[tokio::test]
async fn an_upgraded_connection_on_which_nothing_moves_is_cut() {
    let limits = Limits::default().with(|limits| limits.upgrade_idle_timeout = Duration::from_millis(200));
    let server = server(limits, routes()).await;
    let mut socket = upgraded(&server, "/socket").await;
    let ended = tokio::time::timeout(SOON, socket.read_u8()).await.expect("it is cut");
    assert!(ended.is_err());
    server.until(CONNECTIONS, 0).await;
}

#[tokio::test]
async fn a_drain_waits_for_upgraded_connections_and_then_cuts_them() {
    let server = server_that_drains(Limits::default(), routes(), Duration::from_secs(2)).await;
    let mut socket = upgraded(&server, "/socket").await;
    let start = Instant::now();
    server.stop.request();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(echoes(&mut socket).await, "it goes on while the drain waits");
    assert!(tokio::time::timeout(SOON, socket.read_u8()).await.expect("it is cut").is_err());
    assert_eq!(server.done.await.unwrap(), 1);
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_handler_that_follows_the_drain_ends_by_itself() {
    let server = server_that_drains(Limits::default(), routes(), 2 * SOON).await;
    let mut socket = upgraded(&server, "/polite").await;
    assert!(echoes(&mut socket).await);
    server.stop.request();
    let mut last = String::new();
    tokio::time::timeout(SOON, socket.read_to_string(&mut last)).await.expect("it ends").unwrap();
    assert_eq!(last, "bye");
    assert_eq!(server.done.await.unwrap(), 0);
}
