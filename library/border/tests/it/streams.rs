//! Bounds of open streams, from the view of clients.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use evenkeel_border::{Border, Limits, Listener, RouteRules};
use futures_util::stream;
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vitals::Registry;

use crate::server::{SOON, Server, close, exchange, status};

/// Answers with a stream that never ends, and a WebSocket that stays open.
async fn server() -> Server {
    let events = get(async || Body::from_stream(stream::pending::<Result<String, std::io::Error>>()));
    let socket = get(async |request: Request| {
        tokio::spawn(async move {
            let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
            let mut socket = hyper_util::rt::TokioIo::new(upgraded);
            let _ = socket.read(&mut [0]).await;
        });
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        let response = response.header(header::CONNECTION, "upgrade").header(header::UPGRADE, "websocket");
        response.body(Body::empty()).unwrap()
    });
    let routes = Router::new().route("/events", events).route("/socket", socket);
    let rules = ["GET /events", "GET /socket"].map(|route| RouteRules::of(route).streams(10, 2));
    let registry = Registry::new();
    let border = Border::new("public", Limits::default(), &registry).declaring(rules.to_vec(), &[], &registry).unwrap();
    let routes = border.around(routes);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    Server { address, stop, done, registry }
}

async fn opened(server: &Server, path: &str, fields: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    (socket, String::from_utf8(head).unwrap())
}

/// Opens another one until it is not refused any more.
async fn until_one_is_free(server: &Server, path: &str, fields: &str) -> String {
    let again = async {
        loop {
            let (_socket, head) = opened(server, path, fields).await;
            if status(&head) != 429 {
                return head;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, again).await.expect("a place is given back")
}

const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\n";

#[tokio::test]
async fn a_client_has_no_more_open_streams_than_the_route_allows_until_it_closes_one() {
    let server = server().await;
    let (first, head) = opened(&server, "/events", "").await;
    let (_second, _) = opened(&server, "/events", "").await;
    assert_eq!(status(&head), 200);
    let refused = exchange(server.address, close("GET", "/events")).await;
    assert_eq!(status(&refused), 429, "{refused}");
    assert!(refused.contains("retry-after: ") && refused.contains("streams_of_client"), "{refused}");
    drop(first);
    assert_eq!(status(&until_one_is_free(&server, "/events", "").await), 200);
}

#[tokio::test]
async fn a_websocket_holds_its_place_until_its_connection_ends() {
    let server = server().await;
    let (first, head) = opened(&server, "/socket", UPGRADE).await;
    let (_second, _) = opened(&server, "/socket", UPGRADE).await;
    assert_eq!(status(&head), 101);
    let (_third, refused) = opened(&server, "/socket", UPGRADE).await;
    assert_eq!(status(&refused), 429);
    drop(first);
    assert_eq!(status(&until_one_is_free(&server, "/socket", UPGRADE).await), 101);
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let server = server().await;
    for (origin, expected) in [("https://evil.example", 403), ("http://x", 101)] {
        let (_socket, head) = opened(&server, "/socket", &format!("{UPGRADE}origin: {origin}\r\n")).await;
        assert_eq!(status(&head), expected, "{origin}");
    }
}
