//! A server behind the border, and clients that speak bytes.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use evenkeel_border::{Border, Limits, Listener};
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use vitals::Registry;

/// Timeout for a condition to become true on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub address: SocketAddr,
    pub stop: StopSource,
    pub done: JoinHandle<u64>,
    pub registry: Registry,
}

pub(crate) async fn server(limits: Limits, routes: Router) -> Server {
    server_that_drains(limits, routes, Duration::from_secs(5)).await
}

/// A server whose drain waits for at most `bound`.
pub(crate) async fn server_that_drains(limits: Limits, routes: Router, bound: Duration) -> Server {
    let registry = Registry::new();
    let border = Border::new("public", limits, &registry);
    let routes = border.around(routes);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, bound).await });
    Server { address, stop, done, registry }
}

/// Sends bytes and reads to the end of the connection.
pub(crate) async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A refused body may be cut while it is being sent: what counts is the answer.
    let _ = socket.write_all(request.as_ref()).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn status(answer: &str) -> u16 {
    answer.split_whitespace().nth(1).unwrap_or_else(|| panic!("no status in {answer:?}")).parse().unwrap()
}

pub(crate) fn close(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

impl Server {
    /// The value of a metric of the listener, zero where it is not there yet.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        let text = telemetry::prometheus::text(&self.registry.snapshot());
        let found = text.lines().find_map(|one| one.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_default()
    }

    /// Waits until a metric of the listener has a value.
    pub(crate) async fn until(&self, line: &str, value: u64) {
        let reached = async {
            while self.metric(line) != value {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(SOON, reached).await;
        assert!(in_time.is_ok(), "{line} is {} and not {value}", self.metric(line));
    }
}

/// Sends requests of others until `time` has passed since `start`.
pub(crate) async fn others_until(address: SocketAddr, start: std::time::Instant, time: Duration) {
    while start.elapsed() < time {
        exchange(address, close("GET", "/hello")).await;
    }
}
