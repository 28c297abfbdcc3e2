//! Calls to misbehaving peers: one clear error, in bounded time and memory, on real sockets.

use std::time::Duration;

use evenkeel_client::{Bounds, Client, Error, Limit, Response};
use telemetry::RequestContext;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use url::Url;
use vitals::TraceContext;

/// Timeout that no test here reaches; a call without a bound would.
const FOR_EVER: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// Bounds that only a test's own bound is shorter than.
fn patient() -> Bounds {
    let bounds = Bounds::default().connect(FOR_EVER).first_byte(FOR_EVER).idle_body(FOR_EVER);
    bounds.total(FOR_EVER).answer_bytes(1024)
}

/// Behaviour of the peer once it has read a request's head and sent its answer.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Reset,
    Hold,
    Drip,
}

/// A peer that gives the same answer to every request, and records the heads it read. It ends with its test.
struct Peer {
    url: Url,
    heads: mpsc::Receiver<String>,
}

async fn peer(answer: &'static str, then: Then) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:hunter22@{}/path?token=hunter22", listener.local_addr().unwrap()).parse().unwrap();
    let (tell, heads) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(misbehave(socket, answer, then, tell.clone()));
        }
    });
    Peer { url, heads }
}

async fn misbehave(mut socket: TcpStream, answer: &str, then: Then, tell: mpsc::Sender<String>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    tell.try_send(String::from_utf8(head).unwrap()).unwrap();
    socket.write_all(answer.as_bytes()).await.unwrap();
    match then {
        Then::Close => {}
        Then::Reset => socket.set_zero_linger().unwrap(),
        Then::Hold => std::future::pending().await,
        Then::Drip => {
            while socket.write_all(b"1\r\nx\r\n").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        }
    }
}

/// Makes a GET in a single attempt, whose outcome comes in bounded time and never holds the secrets of the URL.
async fn get(url: &Url, bounds: Bounds) -> Result<Response, Error> {
    let client = Client::new(bounds);
    let call = client.get(url).repeatable(false).send();
    let outcome = tokio::time::timeout(FOR_EVER, call).await.expect("a call ends");
    if let Err(error) = &outcome {
        let told = format!("{error} {error:?}");
        assert!(told.contains("http://127.0.0.1") && !told.contains("hunter22"), "{told}");
    }
    outcome
}

#[tokio::test]
async fn a_peer_that_does_not_take_connections_is_a_connect_error_after_the_bound() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: at some point the queue is full, and the kernel leaves whoever comes without an answer.
    let mut queue = Vec::new();
    while let Ok(connected) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        queue.push(connected.unwrap());
        assert!(queue.len() < 64, "the queue is never full");
    }
    let url = format!("http://{address}/").parse().unwrap();
    let error = get(&url, patient().connect(SHORT)).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }) && error.nothing_was_sent(), "{error}");
}

#[tokio::test]
async fn a_port_without_a_listener_is_a_connect_error_at_once() {
    // The port is taken and does not listen, so that nobody else can have it in between.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap()).parse().unwrap();
    let error = get(&url, patient()).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }) && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_silent_peer_is_a_timeout_of_the_first_byte() {
    let peer = peer("", Then::Hold).await;
    let error = get(&peer.url, patient().first_byte(SHORT)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "first byte", bound: SHORT, .. }), "{error}");
    assert!(!error.nothing_was_sent());
}

#[tokio::test]
async fn half_a_head_is_a_timeout_of_the_first_byte() {
    let peer = peer("HTTP/1.1 200 OK\r\nx-half", Then::Hold).await;
    let error = get(&peer.url, patient().first_byte(SHORT)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "first byte", .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_drips_is_a_timeout_of_the_whole_answer() {
    let peer = peer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Then::Drip).await;
    let bounds = patient().total(SHORT).answer_bytes(usize::MAX);
    let error = get(&peer.url, bounds).await.unwrap_err();
    // On a busy machine the bound may pass before the head is read; what is told is then the head.
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_stops_is_a_timeout_of_the_whole_answer() {
    let mut peer = peer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", Then::Hold).await;
    let bounds = patient().total(SHORT);
    let error = get(&peer.url, bounds).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(peer.heads.recv().await.is_some());
}

#[tokio::test]
async fn an_answer_over_the_bound_is_not_read_on() {
    // Without end: only the bound ends it.
    let peer = peer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Then::Drip).await;
    let error = get(&peer.url, patient().answer_bytes(3)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: Limit::Body(3), .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_declares_more_than_the_bound_is_refused_before_its_body_comes() {
    let peer = peer("HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n", Then::Hold).await;
    let error = get(&peer.url, patient()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: Limit::Body(1024), .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_with_its_cause() {
    let cases = [
        ("closed before the head", "", Then::Close),
        ("closed within the head", "HTTP/1.1 200 OK\r\nx-half", Then::Close),
        ("reset before the head", "", Then::Reset),
        ("garbage", "\u{1f980} what is this\r\n\r\n", Then::Close),
        ("another protocol", "220 mail.example ESMTP\r\n", Then::Hold),
        ("a status that is none", "HTTP/1.1 abc OK\r\n\r\n", Then::Hold),
        ("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", Then::Hold),
        ("truncated", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", Then::Close),
        ("truncated chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", Then::Close),
        ("no last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", Then::Close),
        ("malformed chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Then::Hold),
        ("reset within the body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", Then::Reset),
    ];
    for (name, answer, then) in cases {
        let peer = peer(answer, then).await;
        let error = get(&peer.url, patient()).await.expect_err(name);
        let Error::Broken { cause, .. } = &error else { panic!("{name}: {error}") };
        assert!(!cause.is_empty() && !error.nothing_was_sent(), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut peer = peer("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", Then::Hold).await;
    let answer = get(&peer.url, patient()).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.headers["location"]), (302, &"/elsewhere".parse().unwrap()));
    assert!(peer.heads.recv().await.unwrap().starts_with("GET /path?"));
    assert!(peer.heads.try_recv().is_err());
}

#[tokio::test]
async fn a_call_carries_the_id_and_the_trace_of_the_request_it_works_for() {
    let mut peer = peer("HTTP/1.1 204 No Content\r\n\r\n", Then::Hold).await;
    let context = RequestContext { request_id: "request-1".into(), trace: TraceContext::new() };
    context.clone().scope(get(&peer.url, patient())).await.unwrap();
    let head = peer.heads.recv().await.unwrap();
    assert!(head.contains("x-request-id: request-1\r\n"), "{head}");
    let sent: TraceContext = head.split_once("traceparent: ").unwrap().1.lines().next().unwrap().parse().unwrap();
    assert_eq!(sent.trace_id(), context.trace.trace_id());
    assert_ne!(sent.span_id(), context.trace.span_id(), "the call is a span of its own");
}
