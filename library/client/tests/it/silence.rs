//! Silent connections: one that swallows calls is closed soon.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel_client::{Bounds, Client, Declaration, Resolver, Tls, default_rules};
use resilience::Rules;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use url::Url;

use crate::server::{Authority, Server, serve, whole};

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections at a time.
const CROWD: usize = 8;
/// Within which calls recover.
const RECOVERY: Duration = Duration::from_secs(10);

/// A server, and a relay before it that on a signal swallows every byte of its connections.
struct Swallower {
    port: u16,
    connections: Arc<Mutex<Vec<Arc<AtomicBool>>>>,
    _server: Server,
}

impl Swallower {
    /// Each connection that there is swallows from now on; those that come later do not.
    fn swallow(&self) {
        self.connections.lock().unwrap().iter().for_each(|swallows| swallows.store(true, Relaxed));
    }

    fn connections(&self) -> usize {
        self.connections.lock().unwrap().len()
    }
}

async fn swallower(tls: Option<tokio_rustls::TlsAcceptor>) -> Swallower {
    let together = Arc::new(tokio::sync::Barrier::new(CROWD));
    let server = serve("127.0.0.1:0", tls, move |request| {
        let together = Arc::clone(&together);
        async move {
            if request.uri().path() == "/together" {
                together.wait().await;
            }
            http::Response::new(whole("well"))
        }
    });
    let server = server.await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::<Mutex<Vec<Arc<AtomicBool>>>>::default();
    let (kept, to) = (Arc::clone(&connections), server.address);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let swallows = Arc::<AtomicBool>::default();
            kept.lock().unwrap().push(Arc::clone(&swallows));
            let far = TcpStream::connect(to).await.unwrap();
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            tokio::spawn(pass(near_read, far_write, Arc::clone(&swallows)));
            tokio::spawn(pass(far_read, near_write, swallows));
        }
    });
    Swallower { port, connections, _server: server }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallows: Arc<AtomicBool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if !swallows.load(Relaxed) && to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    if swallows.load(Relaxed) {
        // Nobody hears of the end either.
        std::future::pending::<()>().await;
    }
}

/// Checks that, over HTTP/1, several silent connections swallow no more calls than one: each takes one call with it.
#[tokio::test]
async fn idle_connections_beside_one_that_swallows_are_not_used_again() {
    let swallower = swallower(None).await;
    let client = Client::builder().bounds(Bounds::default().first_byte(Duration::from_millis(200))).build();
    let url: Url = format!("http://127.0.0.1:{}/together", swallower.port).parse().unwrap();
    client.declare(Declaration::new("bank", &url.join("/").unwrap()).rules(Rules::NONE)).unwrap();
    let calls: Vec<_> =
        (0..CROWD).map(|_| client.get(&url).total_timeout(PATIENCE).first_byte_timeout(PATIENCE).send()).collect();
    for answer in futures_util::future::join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(swallower.connections(), CROWD);
    swallower.swallow();
    let url = url.join("/").unwrap();
    let mut failed = 0;
    while client.get(&url).send().await.is_err() {
        failed += 1;
    }
    assert_eq!(failed, 3);
}

#[tokio::test]
async fn a_connection_without_answers_to_three_calls_gets_no_fourth() {
    let swallower = swallower(None).await;
    let bounds = Bounds::default().first_byte(Duration::from_millis(200));
    let client = Client::builder().bounds(bounds).http2_prior_knowledge().build();
    let url: Url = format!("http://127.0.0.1:{}/", swallower.port).parse().unwrap();
    client.declare(Declaration::new("bank", &url).rules(Rules::NONE)).unwrap();
    let call = async || client.get(&url).send().await;
    call().await.unwrap();
    swallower.swallow();
    for _ in 0..3 {
        assert_eq!(call().await.unwrap_err().kind(), "timeout");
    }
    assert_eq!(call().await.unwrap().body, "well");
    assert_eq!(swallower.connections(), 2);
}

#[tokio::test]
async fn calls_whose_own_time_is_over_also_tell_that_a_connection_is_silent() {
    let swallower = swallower(None).await;
    let client = Client::builder().http2_prior_knowledge().build();
    let url: Url = format!("http://127.0.0.1:{}/", swallower.port).parse().unwrap();
    client.declare(Declaration::new("bank", &url).rules(Rules::NONE)).unwrap();
    client.get(&url).send().await.unwrap();
    swallower.swallow();
    for _ in 0..3 {
        client.get(&url).total_timeout(Duration::from_millis(100)).send().await.unwrap_err();
    }
    assert_eq!(client.get(&url).send().await.unwrap().body, "well");
}

#[tokio::test]
async fn a_connection_whose_peer_answers_no_ping_is_closed() {
    let swallower = swallower(None).await;
    let bounds = Bounds::default().first_byte(PATIENCE).total(PATIENCE);
    let client = Client::builder().bounds(bounds).http2_prior_knowledge().build();
    let url: Url = format!("http://127.0.0.1:{}/", swallower.port).parse().unwrap();
    client.declare(Declaration::new("bank", &url).rules(Rules::NONE)).unwrap();
    client.get(&url).send().await.unwrap();
    swallower.swallow();
    let begun = Instant::now();
    // No call runs out of time: only the ping tells.
    assert_eq!(client.get(&url).send().await.unwrap_err().kind(), "broken");
    assert_eq!(client.get(&url).send().await.unwrap().body, "well");
    assert!(begun.elapsed() < RECOVERY, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn calls_recover_behind_an_open_breaker_and_where_tls_agreed_on_http2() {
    let authority = Authority::new();
    let swallower = swallower(Some(authority.server("localhost", &["h2"], None))).await;
    let tls = Tls::trusting_only(authority.pem().as_bytes()).unwrap();
    let client = Client::builder().tls(tls).build();
    let url: Url = format!("https://localhost:{}/", swallower.port).parse().unwrap();
    let breaker = default_rules().breaker.map(|breaker| breaker.minimum_calls(2));
    let policy = client.declare(Declaration::new("bank", &url).rules(default_rules().breaker(breaker))).unwrap();
    client.get(&url).send().await.unwrap();
    swallower.swallow();
    let begun = Instant::now();
    let mut failed = 0;
    while client.get(&url).total_timeout(Duration::from_secs(1)).send().await.is_err() {
        failed += 1;
        assert!(begun.elapsed() < RECOVERY, "{failed} calls failed; the breaker is {:?}", policy.breaker().position());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(failed > 0);
    assert_eq!(swallower.connections(), 2);
}

/// A listener at this address that takes no further connection.
async fn full(address: &str) -> (tokio::net::TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address.parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let (address, mut queue) = (listener.local_addr().unwrap(), Vec::new());
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queue.push(connected.unwrap());
        assert!(queue.len() < 64, "the queue is never full");
    }
    (listener, queue)
}

#[tokio::test]
async fn with_one_silent_address_of_two_the_first_call_succeeds() {
    let server = serve("127.0.0.1:0", None, async |_| http::Response::new(whole("well"))).await;
    let port = server.address.port();
    let _silent = full(&format!("127.0.0.3:{port}")).await;
    let resolver = Resolver::from_conf("nameserver 127.0.0.1").unwrap();
    let resolver = resolver.with_hosts("127.0.0.3 multi.test\n127.0.0.1 multi.test\n");
    let client = Client::builder().resolver(resolver).build();
    let url: Url = format!("http://multi.test:{port}/").parse().unwrap();
    let answer = client.get(&url).repeatable(false).send().await.unwrap();
    assert_eq!(answer.body, "well");
}

#[tokio::test]
async fn the_connect_bound_covers_all_silent_addresses_together() {
    let silent = full("127.0.0.1:0").await;
    let port = silent.0.local_addr().unwrap().port();
    let _silent = full(&format!("127.0.0.3:{port}")).await;
    let resolver = Resolver::from_conf("nameserver 127.0.0.1").unwrap();
    let resolver = resolver.with_hosts("127.0.0.3 multi.test\n127.0.0.1 multi.test\n");
    let bounds = Bounds::default().connect(Duration::from_millis(300));
    let client = Client::builder().resolver(resolver).bounds(bounds).build();
    let url: Url = format!("http://multi.test:{port}/").parse().unwrap();
    let error = client.get(&url).repeatable(false).send().await.unwrap_err();
    assert!(error.to_string().contains("no connection within 300ms"), "{error}");
}
