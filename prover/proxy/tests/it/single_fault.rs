//! Each fault does what it says, and the proxy mends when it is taken away.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use http::Method;
use keel_proxy::{Fault, FaultProxy};
use keel_wire::http::{Client, Failure, Request};
use keel_wire::raw::{Ended, RawConnection};
use keel_wire::testing::{self, PATIENCE};

const BRIEF: Duration = Duration::from_millis(30);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// A proxy in front of a server that greets everybody.
async fn proxy() -> FaultProxy {
    FaultProxy::start(testing::serve_answer(ANSWER).to_string()).await.unwrap()
}

fn client(proxy: &FaultProxy) -> Client {
    Client::new(format!("http://{}", proxy.address()).parse().unwrap(), PATIENCE)
}

async fn get(proxy: &FaultProxy) -> Result<keel_wire::http::Answer, Failure> {
    client(proxy).send(Request::get("/")).await.outcome
}

async fn connect(address: SocketAddr) -> RawConnection {
    RawConnection::connect(address, None, PATIENCE).await.unwrap()
}

/// An open connection over which one exchange went well.
async fn warm(proxy: &FaultProxy) -> RawConnection {
    let mut connection = connect(proxy.address()).await;
    assert_eq!(ask(&mut connection).await, Some(200));
    connection
}

async fn ask(connection: &mut RawConnection) -> Option<u16> {
    connection.write(ASK, PATIENCE).await.unwrap();
    connection.listen_answer(PATIENCE).await.status()
}

#[tokio::test]
async fn without_a_fault_everything_passes() {
    let proxy = proxy().await;
    assert_eq!(get(&proxy).await.unwrap().text(), "hello");
    let mut connection = warm(&proxy).await;
    assert_eq!(ask(&mut connection).await, Some(200));
    assert_eq!(proxy.connections(), 2);
    assert!(proxy.heard() >= 3 * ASK.len() as u64, "three requests were heard: {} bytes", proxy.heard());
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn down_refuses_resets_what_is_open_and_comes_back_on_the_same_port() {
    let proxy = proxy().await;
    let mut open = warm(&proxy).await;
    for _ in 0..3 {
        proxy.set(Fault::Down).await;
        assert!(matches!(get(&proxy).await, Err(Failure::Connect(_))));
        assert_eq!(open.listen(1, PATIENCE).await.ended, Ended::Reset);
        proxy.set(Fault::None).await;
        open = warm(&proxy).await;
    }
}

#[tokio::test]
async fn the_port_stays_reserved_while_the_proxy_is_down() {
    let proxy = proxy().await;
    proxy.set(Fault::Down).await;
    assert!(std::net::TcpListener::bind(proxy.address()).is_err());
}

#[tokio::test]
async fn hang_takes_everything_and_gives_nothing() {
    let (heard, requests) = mpsc::channel();
    let upstream = testing::serve(move |mut connection| heard.send(testing::read_request(&mut connection)).unwrap());
    let proxy = FaultProxy::start(upstream.to_string()).await.unwrap();
    proxy.set(Fault::Hang).await;
    let mut connection = connect(proxy.address()).await;
    connection.write(ASK, PATIENCE).await.unwrap();
    assert_eq!(connection.listen(1, BRIEF).await.ended, Ended::StillOpen);
    assert!(requests.try_recv().is_err(), "nothing reaches the upstream");
    proxy.set(Fault::None).await;
    assert_eq!(connection.listen(1, PATIENCE).await.ended, Ended::Reset, "its request is lost, and it is told so");
}

#[tokio::test]
async fn an_open_connection_hangs_too() {
    let proxy = proxy().await;
    let mut connection = warm(&proxy).await;
    proxy.set(Fault::Hang).await;
    connection.write(ASK, PATIENCE).await.unwrap();
    assert_eq!(connection.listen(1, BRIEF).await.ended, Ended::StillOpen);
    proxy.set(Fault::None).await;
    assert_eq!(connection.listen(1, PATIENCE).await.ended, Ended::Reset);
}

#[tokio::test]
async fn a_connection_that_said_nothing_survives_a_hang() {
    let proxy = proxy().await;
    let mut before = warm(&proxy).await;
    proxy.set(Fault::Hang).await;
    let mut during = connect(proxy.address()).await;
    proxy.set(Fault::None).await;
    assert_eq!(ask(&mut before).await, Some(200));
    assert_eq!(ask(&mut during).await, Some(200));
}

#[tokio::test]
async fn latency_holds_every_answer_back() {
    let proxy = proxy().await;
    let mut connection = warm(&proxy).await;
    proxy.set(Fault::Latency(BRIEF)).await;
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(ask(&mut connection).await, Some(200));
        assert!(start.elapsed() >= BRIEF);
    }
    proxy.set(Fault::Latency(10 * PATIENCE)).await;
    connection.write(ASK, PATIENCE).await.unwrap();
    assert_eq!(connection.listen(1, BRIEF).await.ended, Ended::StillOpen);
    proxy.set(Fault::None).await;
    assert_eq!(connection.listen_answer(PATIENCE).await.status(), Some(200), "what was held back comes at once");
}

#[tokio::test]
async fn drip_gives_a_few_bytes_at_a_time() {
    let proxy = proxy().await;
    let pace = Duration::from_millis(2);
    proxy.set(Fault::Drip { bytes: 10, every: pace }).await;
    let exchange = client(&proxy).send(Request::get("/")).await;
    assert_eq!(exchange.answer().unwrap().text(), "hello");
    assert!(exchange.took >= pace * (ANSWER.len() as u32 / 10));
}

#[tokio::test]
async fn reset_comes_after_the_request() {
    let proxy = proxy().await;
    proxy.set(Fault::Reset).await;
    let mut connection = connect(proxy.address()).await;
    connection.write(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n1", PATIENCE).await.unwrap();
    assert_eq!(connection.wait_closed(BRIEF).await, Ended::StillOpen, "the request is not whole yet");
    connection.write(b"2", PATIENCE).await.unwrap();
    assert_eq!(connection.listen(1, PATIENCE).await.ended, Ended::Reset);
}

#[tokio::test]
async fn garbage_is_not_http() {
    let proxy = proxy().await;
    proxy.set(Fault::Garbage).await;
    assert!(matches!(get(&proxy).await, Err(Failure::Broken(reason)) if reason.contains("not HTTP")));
}

#[tokio::test]
async fn truncate_passes_the_configured_bytes_and_closes_in_order() {
    let proxy = proxy().await;
    for bytes in [0, 1, 20, ANSWER.len() - 1] {
        proxy.set(Fault::Truncate(bytes)).await;
        let mut connection = connect(proxy.address()).await;
        connection.write(ASK, PATIENCE).await.unwrap();
        let heard = connection.listen(1000, PATIENCE).await;
        assert_eq!((heard.bytes.as_slice(), heard.ended), (&ANSWER[..bytes], Ended::Closed));
    }
}

#[tokio::test]
async fn server_error_is_an_answer_of_the_proxys_own() {
    let proxy = proxy().await;
    let mut open = warm(&proxy).await;
    proxy.set(Fault::ServerError).await;
    let request = Request::new(Method::POST, "/").body(vec![b'x'; 100_000]);
    assert_eq!(client(&proxy).send(request).await.status().unwrap().as_u16(), 500);
    assert_eq!(ask(&mut open).await, Some(500), "on an open connection too");
}

#[tokio::test]
async fn endless_never_ends() {
    let proxy = proxy().await;
    proxy.set(Fault::Endless).await;
    let exchange = client(&proxy).send(Request::get("/")).await;
    let answer = exchange.answer().unwrap();
    assert!(answer.body_length >= keel_wire::http::MAX_BODY_READ);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.text().starts_with("[0,0,"));
}

#[tokio::test]
async fn lost_answer_does_the_work_and_says_nothing() {
    let (heard, requests) = mpsc::channel();
    let upstream = testing::serve(move |mut connection| {
        heard.send(testing::read_request(&mut connection)).unwrap();
        std::io::Write::write_all(&mut connection, ANSWER).unwrap();
        testing::hold(connection);
    });
    let proxy = FaultProxy::start(upstream.to_string()).await.unwrap();
    proxy.set(Fault::LostAnswer).await;
    let mut connection = connect(proxy.address()).await;
    connection.write(ASK, PATIENCE).await.unwrap();
    let heard = connection.listen(1, PATIENCE).await;
    assert_eq!((heard.bytes.len(), heard.ended), (0, Ended::Closed));
    assert_eq!(requests.recv().unwrap().as_bytes(), ASK);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_reset() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = FaultProxy::start(gone.to_string()).await.unwrap();
    let mut connection = connect(proxy.address()).await;
    assert_eq!(connection.listen(1, PATIENCE).await.ended, Ended::Reset);
}

#[tokio::test]
async fn a_protocol_in_which_the_server_speaks_first_passes() {
    let upstream = testing::serve(|mut connection| {
        std::io::Write::write_all(&mut connection, b"220 ready\r\n").unwrap();
        testing::hold(connection);
    });
    let proxy = FaultProxy::start(upstream.to_string()).await.unwrap();
    let mut connection = connect(proxy.address()).await;
    assert_eq!(connection.listen(11, PATIENCE).await.bytes, b"220 ready\r\n");
}

#[tokio::test]
async fn a_large_request_and_a_large_answer_may_cross() {
    const SIZE: usize = 8 << 20;
    let upstream = testing::serve(|connection| {
        let mut answers = connection.try_clone().unwrap();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut answers, &vec![b'x'; SIZE]));
        testing::hold(connection);
        writer.join().unwrap().unwrap();
    });
    let proxy = FaultProxy::start(upstream.to_string()).await.unwrap();
    let mut connection = connect(proxy.address()).await;
    connection.write(&vec![b'y'; SIZE], PATIENCE).await.unwrap();
    connection.finish().await.unwrap();
    assert_eq!(connection.listen(SIZE, PATIENCE).await.bytes.len(), SIZE);
}

#[tokio::test]
async fn dropping_it_closes_the_listener_and_every_connection() {
    let proxy = proxy().await;
    let mut open = warm(&proxy).await;
    let address = proxy.address();
    drop(proxy);
    assert_eq!(open.listen(1, PATIENCE).await.ended, Ended::Reset);
    while RawConnection::connect(address, None, PATIENCE).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
