//! Requests over HTTP/2 that their client takes back at any moment: no place and no entry of a queue stays behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use evenkeel_border::{Border, Limits, Listener, RouteRules};
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use proptest::prelude::*;
use supervision::StopSource;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use vitals::Registry;

use crate::server::{SOON, Server};

/// The fate of one stream.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Its answer is read.
    Read,
    /// It is reset at once, with its head.
    ResetAtOnce,
    /// It is reset after so many turns of the client.
    ResetAfter(u8),
    /// Half of its body is sent, and it is reset after so many turns.
    HalfABody(u8),
    /// Its body is sent whole, and its answer is never read.
    Unread,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Read),
        1 => Just(Fate::ResetAtOnce),
        3 => any::<u8>().prop_map(Fate::ResetAfter),
        2 => any::<u8>().prop_map(Fate::HalfABody),
        1 => Just(Fate::Unread),
    ]
}

/// Computes for a millisecond without a yield: streams that came together overload the server.
async fn compute() -> Vec<u8> {
    let end = Instant::now() + Duration::from_millis(1);
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    tokio::task::yield_now().await;
    vec![b'x'; 20_000]
}

/// A server whose routes are in a bulkhead, with a short objective, so that its queue is used.
async fn server() -> Server {
    let registry = Registry::new();
    let limits = Limits::default().with(|limits| limits.objective = Some(Duration::from_millis(20)));
    let rules = ["GET /work", "POST /work"].map(|route| RouteRules::of(route).bulkhead("work"));
    let border = Border::new("public", limits, &registry).declaring(rules.to_vec(), &[("work", 100)], &registry);
    let border = border.unwrap();
    let routes =
        border.around(Router::new().route("/work", get(compute).merge(post(async |_body: Bytes| compute().await))));
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap();
    let (address, stop) = (listener.address(), StopSource::new());
    let stopped = stop.listen();
    let done = tokio::spawn(async move { listener.serve(routes, stopped, Duration::ZERO).await });
    Server { address, stop, done, registry }
}

async fn turns(count: u8) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// Opens a stream and lets it meet its fate; counts it where it was refused.
async fn stream(client: SendRequest<Bytes>, fate: Fate, refused: Arc<AtomicU64>) {
    let Ok(mut client) = client.ready().await else { return };
    let with_body = matches!(fate, Fate::HalfABody(_) | Fate::Unread);
    let request = Request::builder().method(if with_body { "POST" } else { "GET" }).uri("http://x/work");
    let request = if with_body { request.header("content-length", "8") } else { request };
    let Ok((response, mut sender)) = client.send_request(request.body(()).unwrap(), !with_body) else { return };
    match fate {
        Fate::Read => {
            let Ok(answer) = response.await else { return };
            refused.fetch_add(u64::from(answer.status() == 503), Ordering::Relaxed);
            let mut body = answer.into_body();
            while let Some(Ok(data)) = body.data().await {
                let _ = body.flow_control().release_capacity(data.len());
            }
        }
        Fate::ResetAtOnce => sender.send_reset(Reason::CANCEL),
        Fate::ResetAfter(count) => {
            turns(count).await;
            sender.send_reset(Reason::CANCEL);
        }
        Fate::HalfABody(count) => {
            let _ = sender.send_data(Bytes::from_static(b"half"), false);
            turns(count).await;
            sender.send_reset(Reason::CANCEL);
        }
        Fate::Unread => {
            let _ = sender.send_data(Bytes::from_static(b"a body.."), true);
            // Dropped with its body: the client library resets the stream.
            drop(response.await);
        }
    }
}

const HELD: [&str; 6] = [
    r#"http_server_active_requests{listener="public"}"#,
    r#"http_bulkhead_in_flight{listener="public",bulkhead="work"}"#,
    r#"http_admission_in_flight{listener="public"}"#,
    r#"http_admission_queued_critical{listener="public"}"#,
    r#"http_admission_queued_default{listener="public"}"#,
    r#"http_admission_queued_sheddable{listener="public"}"#,
];

/// Clients that ask again and again, so that the server is overloaded.
const CROWD: usize = 48;
/// Refusals after which it is.
const OVERLOADED: u64 = 5;

/// Overloads the server with streams that are always read, and returns once it refuses some; they go on until the result is dropped.
async fn overload(server: &Server) -> (JoinSet<()>, u64) {
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let refused = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    crowd.spawn(async { drop(connection.await) });
    for _ in 0..CROWD {
        let (client, refused) = (client.clone(), refused.clone());
        crowd.spawn(async move {
            loop {
                stream(client.clone(), Fate::Read, refused.clone()).await;
                tokio::task::yield_now().await;
            }
        });
    }
    let seen = async {
        while refused.load(Ordering::Relaxed) < OVERLOADED {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Where it does not come, the control of the test fails.
    let _ = tokio::time::timeout(SOON, seen).await;
    (crowd, refused.load(Ordering::Relaxed))
}

/// Runs the streams side by side on one connection in an overload, and waits until nothing is held; returns the number of refusals.
async fn nothing_stays(fates: &[Fate]) -> u64 {
    let server = server().await;
    let (mut crowd, refusals) = overload(&server).await;
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    let connection = tokio::spawn(connection);
    let refused = Arc::new(AtomicU64::new(refusals));
    let mut streams = JoinSet::new();
    for fate in fates {
        streams.spawn(stream(client.clone(), *fate, refused.clone()));
    }
    tokio::time::timeout(SOON, async { while streams.join_next().await.is_some() {} }).await.expect("all streams end");
    // The crowd leaves in the middle of its requests; the other connection is still there, so that nothing is given back by its end.
    crowd.shutdown().await;
    for held in HELD {
        server.until(held, 0).await;
    }
    connection.abort();
    refused.load(Ordering::Relaxed)
}

#[test]
fn no_place_and_no_entry_of_a_queue_stays_behind_when_streams_are_taken_back() {
    let refused = std::sync::atomic::AtomicU64::new(0);
    let config = ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&proptest::collection::vec(fate(), 40..110), |fates| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        refused.fetch_add(runtime.block_on(nothing_stays(&fates)), Ordering::Relaxed);
        Ok(())
    });
    outcome.unwrap();
    // The control: there was an overload, so that streams were taken back while they waited.
    assert!(refused.load(Ordering::Relaxed) > 0, "nothing was refused in any case");
}
