//! Clients that send requests and read no answers: what they can make a server keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use evenkeel_border::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::server::{Server, server};

const TIMED_OUT: &str = r#"http_listener_connections_timed_out_total{listener="public"}"#;
const CONNECTIONS: &str = r#"http_listener_connections{listener="public"}"#;
const IN_FLIGHT: &str = r#"http_server_active_requests{listener="public"}"#;

/// A client with a small receive buffer, which reads nothing.
async fn deaf(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server.address).await.unwrap()
}

fn requests(path: &str, count: usize) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(count).into_bytes()
}

/// Limits with a write timeout that the test can wait for, and an idle timeout that it cannot.
fn limits() -> Limits {
    Limits::default().with(|limits| {
        limits.write_timeout = Duration::from_millis(1000);
        limits.idle_timeout = Duration::from_secs(600);
    })
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_reads_none_of_its_pipelined_answers_is_cut_before_the_kernel_holds_them_all() {
    const SIZE: usize = 1024;
    let answered = Arc::new(AtomicUsize::new(0));
    let handler = get({
        let answered = answered.clone();
        async move || {
            answered.fetch_add(SIZE, Ordering::SeqCst);
            vec![b'x'; SIZE]
        }
    });
    let server = server(limits(), Router::new().route("/kilobyte", handler)).await;
    let mut client = deaf(&server).await;
    // Two megabytes of answers, which the kernel would take without a bound.
    let _ = client.write_all(&requests("/kilobyte", 2000)).await;
    server.until(TIMED_OUT, 1).await;
    server.until(CONNECTIONS, 0).await;
    let bytes = answered.load(Ordering::SeqCst);
    assert!(bytes > 0 && bytes < 512 * 1024, "{bytes} bytes were answered to a client that reads nothing");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_connection_that_reads_nothing_of_its_answer_is_cut_after_the_write_timeout() {
    let routes =
        Router::new().route("/answer", get(async || vec![b'x'; 60_000])).route("/small", get(async || "hello"));
    let server = server(limits(), routes).await;
    let mut client = deaf(&server).await;
    client.write_all(&requests("/answer", 1)).await.unwrap();
    // One that has read everything stays.
    let mut reader = TcpStream::connect(server.address).await.unwrap();
    reader.write_all(&requests("/small", 1)).await.unwrap();
    let mut answer = [0; 1024];
    assert!(reader.read(&mut answer).await.unwrap() > 0);
    server.until(CONNECTIONS, 2).await;
    server.until(IN_FLIGHT, 0).await;
    server.until(TIMED_OUT, 1).await;
    server.until(CONNECTIONS, 1).await;
    reader.write_all(&requests("/small", 1)).await.unwrap();
    assert!(reader.read(&mut answer).await.unwrap() > 0);
}
