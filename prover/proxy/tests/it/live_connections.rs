//! Toxics on live connections, over real sockets: what arrives, and how it ends.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use keel_input::seed::Seed;
use keel_proxy::toxic::{
    Attribute, Bandwidth, Blackhole, Corrupt, HalfOpen, Kind, Latency, LimitData, ResetPeer, Stream, TYPES, Timeout,
    Toxic,
};
use keel_proxy::{Hold, Proxy};
use keel_wire::raw::{Ended, RawConnection};
use keel_wire::testing::{self, PATIENCE};
use rand::{Rng, RngExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

const BRIEF: Duration = Duration::from_millis(30);

async fn proxy(upstream: SocketAddr, seed: u64) -> Proxy {
    let proxy = Proxy::new("p".to_owned(), "127.0.0.1:0".to_owned(), upstream.to_string(), Seed(seed));
    proxy.start().await.unwrap();
    proxy
}

/// A proxy, and both ends of a connection through it.
async fn connected(seed: u64) -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = proxy(listener.local_addr().unwrap(), seed).await;
    let client = TcpStream::connect(proxy.listen()).await.unwrap();
    let (upstream, _) = listener.accept().await.unwrap();
    (proxy, client, upstream)
}

fn add(proxy: &Proxy, stream: Stream, kind: Kind) {
    proxy.add_toxic(Toxic::new(stream, kind)).unwrap();
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Seed(seed).generator("noise").fill_bytes(&mut bytes);
    bytes
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not end")
}

/// Sends all of it and then the end; gives what comes back until the end.
async fn exchange(socket: impl AsyncRead + AsyncWrite, bytes: Vec<u8>) -> Vec<u8> {
    let (mut reading, mut writing) = tokio::io::split(socket);
    let write = async {
        writing.write_all(&bytes).await.unwrap();
        writing.shutdown().await.unwrap();
    };
    let mut came = Vec::new();
    let read = async { reading.read_to_end(&mut came).await.unwrap() };
    tokio::join!(write, read);
    came
}

/// Draws a toxic of any type that loses nothing, with any settings.
fn lossless(luck: &mut impl Rng) -> Kind {
    let types: Vec<_> = TYPES.iter().filter(|kind| kind.lossless).collect();
    let Some(drawn) = types.get(luck.random_range(0..=types.len())) else {
        return LimitData { bytes: i64::MAX }.into();
    };
    let attribute = |attribute: &Attribute| {
        let range = match attribute.unit {
            "ms" => 0..5,
            "us" => 0..300,
            "KB/s" => 0..100_000,
            "bytes" => 500..50_000,
            unit => panic!("say here how large an attribute in {unit} may be"),
        };
        (attribute.name.to_owned(), luck.random_range(range).into())
    };
    drawn.kind().with(&drawn.attributes.iter().map(attribute).collect()).unwrap()
}

/// Adds, changes and removes toxics at random places of both streams, and pauses, until it is dropped.
async fn disturb(proxy: &Proxy, seed: u64) {
    let mut luck = Seed(seed).generator("disturb");
    loop {
        let name = format!("t{}", luck.random_range(0..4));
        match luck.random_range(0..8) {
            0..=2 => {
                let stream = if luck.random() { Stream::Upstream } else { Stream::Downstream };
                let toxicity = if luck.random() { 1.0 } else { 0.5 };
                let _ = proxy.add_toxic(Toxic { name, stream, toxicity, kind: lossless(&mut luck) });
            }
            3 | 4 => drop(proxy.remove_toxic(&name)),
            5 => {
                let kind = lossless(&mut luck);
                let fits = |toxic: &mut Toxic| {
                    if toxic.kind.word() == kind.word() {
                        toxic.kind = kind.clone();
                    }
                    Ok::<_, ()>(())
                };
                proxy.update_toxic(&name, fits).unwrap();
            }
            6 => proxy.set_hold(if luck.random() { Hold::Paused } else { Hold::Flowing }),
            _ => proxy.replace_toxics(Vec::new()),
        }
        tokio::time::sleep(Duration::from_micros(luck.random_range(0..3000))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_is_lost_or_overtaken_on_a_live_connection_while_toxics_come_and_go() {
    for seed in 0..12 {
        let (proxy, client, upstream) = connected(seed).await;
        let (up, down) = (noise(seed, 3 << 20), noise(seed + 1000, 5 << 20));
        let exchanges = async { tokio::join!(exchange(client, up.clone()), exchange(upstream, down.clone())) };
        let mut exchanges = std::pin::pin!(exchanges);
        // Disturbed for a while; then everything is let go, and must arrive.
        let early = tokio::select! {
            ended = &mut exchanges => Some(ended),
            () = disturb(&proxy, seed) => None,
            () = tokio::time::sleep(Duration::from_millis(150)) => None,
        };
        proxy.set_hold(Hold::Flowing);
        proxy.replace_toxics(Vec::new());
        let (at_client, at_upstream) = match early {
            Some(ended) => ended,
            None => within(exchanges).await,
        };
        assert!(at_upstream == up, "seed {seed}: {} of {} bytes at the upstream", at_upstream.len(), up.len());
        assert!(at_client == down, "seed {seed}: {} of {} bytes at the client", at_client.len(), down.len());
        assert_eq!((proxy.sent(Stream::Upstream), proxy.sent(Stream::Downstream)), (3 << 20, 5 << 20));
    }
}

#[tokio::test]
async fn a_half_closed_connection_still_brings_the_answer() {
    let (_proxy, client, mut upstream) = connected(1).await;
    let asking = exchange(client, b"question".to_vec());
    let answering = async {
        let mut asked = Vec::new();
        upstream.read_to_end(&mut asked).await.unwrap();
        upstream.write_all(&[asked, b"?".to_vec()].concat()).await.unwrap();
        drop(upstream);
    };
    assert_eq!(within(async { tokio::join!(asking, answering).0 }).await, b"question?");
}

#[tokio::test]
async fn unix_sockets_are_listened_on_and_connected_to_and_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, outer) = (folder.path().join("inner"), folder.path().join("outer"));
    let listener = UnixListener::bind(&inner).unwrap();
    let at = |path: &std::path::Path| format!("unix:{}", path.display());
    let proxy = Proxy::new("p".to_owned(), at(&outer), at(&inner), Seed(1));
    proxy.start().await.unwrap();
    assert_eq!(proxy.listen(), at(&outer));
    assert!(!proxy.differs(&format!("unix://{}", outer.display()), &at(&inner)).await.unwrap());
    let client = UnixStream::connect(&outer).await.unwrap();
    let (upstream, _) = listener.accept().await.unwrap();
    let (up, down) = (noise(1, 1 << 20), noise(2, 1 << 20));
    let both = async { tokio::join!(exchange(client, up.clone()), exchange(upstream, down.clone())) };
    let (at_client, at_upstream) = within(both).await;
    assert!(at_client == down && at_upstream == up);
    proxy.stop(keel_proxy::Cut::Close).await;
    assert!(!outer.exists());
}

#[tokio::test]
async fn reset_peer_added_to_a_live_connection_resets_both_sides() {
    let (proxy, mut client, mut upstream) = connected(1).await;
    add(&proxy, Stream::Downstream, Kind::ResetPeer(ResetPeer { timeout: 0 }));
    upstream.write_all(b"answer").await.unwrap();
    let mut byte = [0];
    for side in [&mut client, &mut upstream] {
        assert_eq!(within(side.read(&mut byte)).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn timeout_drops_everything_and_closes_in_order_when_it_is_removed() {
    let (proxy, mut client, mut upstream) = connected(1).await;
    add(&proxy, Stream::Downstream, Kind::Timeout(Timeout { timeout: 0 }));
    upstream.write_all(b"answer").await.unwrap();
    while proxy.received(Stream::Downstream) < 6 {
        tokio::task::yield_now().await;
    }
    proxy.remove_toxic("timeout_downstream");
    assert_eq!(within(client.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(within(upstream.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_toxic_is_in_force_for_bytes_that_were_read_and_not_yet_written() {
    let (proxy, mut client, mut upstream) = connected(1).await;
    // Until nothing more fits between them.
    let flood = vec![7; 1 << 20];
    while tokio::time::timeout(10 * BRIEF, upstream.write(&flood)).await.is_ok() {}
    let (received, sent) = (proxy.received(Stream::Downstream), proxy.sent(Stream::Downstream));
    assert!(received > sent, "some bytes are in the proxy's buffer");
    add(&proxy, Stream::Downstream, Kind::LimitData(LimitData { bytes: 10 }));
    let mut came = Vec::new();
    within(client.read_to_end(&mut came)).await.unwrap();
    assert_eq!(came.len() as u64, sent + 10, "what had been written, and ten bytes");
}

#[tokio::test]
async fn the_bytes_in_a_proxy_are_bounded_for_any_traffic() {
    for kind in [Kind::Bandwidth(Bandwidth { rate: 0 }), Kind::Latency(Latency { latency: 1_000_000, jitter: 0 })] {
        let (proxy, client, mut upstream) = connected(1).await;
        add(&proxy, Stream::Downstream, kind.clone());
        let flood = vec![7; 1 << 20];
        while tokio::time::timeout(10 * BRIEF, upstream.write(&flood)).await.is_ok() {}
        let held = proxy.received(Stream::Downstream) - proxy.sent(Stream::Downstream);
        assert!((1..=9 << 20).contains(&held), "{kind:?}: {held} bytes");
        drop(client);
    }
}

#[tokio::test]
async fn blackhole_never_reads_and_lets_everything_go_when_it_is_removed() {
    let (proxy, client, upstream) = connected(1).await;
    add(&proxy, Stream::Upstream, Blackhole.into());
    let bytes = noise(1, 32 << 20);
    let both = async { tokio::join!(exchange(client, bytes.clone()), exchange(upstream, Vec::new())).1 };
    let mut both = std::pin::pin!(both);
    assert!(tokio::time::timeout(BRIEF, &mut both).await.is_err());
    assert_eq!(proxy.received(Stream::Upstream), 0);
    proxy.remove_toxic("blackhole_upstream");
    assert!(within(both).await == bytes);
}

#[tokio::test]
async fn half_open_cuts_the_upstream_off_and_tells_the_client_only_when_it_is_over() {
    let (proxy, client, mut upstream) = connected(1).await;
    add(&proxy, Stream::Downstream, Kind::HalfOpen(HalfOpen { timeout: 0 }));
    assert!(matches!(within(upstream.read(&mut [0])).await, Ok(0) | Err(_)), "the upstream is cut off");
    let mut byte = [0];
    client.writable().await.unwrap();
    assert_eq!(client.try_write(b"still there?").unwrap(), 12);
    let mut client = client;
    assert!(tokio::time::timeout(BRIEF, client.read(&mut byte)).await.is_err(), "the client hears nothing");
    proxy.remove_toxic("half_open_downstream");
    assert_eq!(within(client.read(&mut byte)).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn corrupt_changes_bits_the_same_ones_with_the_same_seed() {
    let mut came = Vec::new();
    for seed in [7, 7, 8] {
        let (proxy, client, upstream) = connected(seed).await;
        add(&proxy, Stream::Upstream, Kind::Corrupt(Corrupt { rate: 1000 }));
        let both = async { tokio::join!(exchange(client, vec![0; 1 << 18]), exchange(upstream, Vec::new())).1 };
        came.push(within(both).await);
    }
    assert_eq!(came[0].len(), 1 << 18);
    assert!(came[0].iter().any(|byte| *byte != 0));
    assert!(came[0] == came[1], "a seed repeats");
    assert!(came[0] != came[2]);
}

#[tokio::test]
async fn toxicity_poisons_a_share_of_the_connections_the_same_ones_with_the_same_seed() {
    async fn poisoned(seed: u64) -> Vec<bool> {
        let upstream = testing::serve(|mut connection| {
            let _ = std::io::Write::write_all(&mut connection, b"x");
            testing::hold(connection);
        });
        let proxy = proxy(upstream, seed).await;
        let toxic = Toxic::new(Stream::Downstream, Kind::LimitData(LimitData { bytes: 0 }));
        proxy.add_toxic(Toxic { toxicity: 0.5, ..toxic }).unwrap();
        let mut poisoned = Vec::new();
        for _ in 0..40 {
            let mut connection =
                RawConnection::connect(proxy.listen().parse::<SocketAddr>().unwrap(), None, PATIENCE).await.unwrap();
            poisoned.push(connection.listen(1, PATIENCE).await.ended == Ended::Closed);
        }
        poisoned
    }
    let first = poisoned(5).await;
    let share = first.iter().filter(|poisoned| **poisoned).count();
    assert!((8..=32).contains(&share), "{share} of 40");
    assert_eq!(first, poisoned(5).await);
}

#[tokio::test]
async fn connections_are_forgotten_when_they_end() {
    let (proxy, client, upstream) = connected(1).await;
    assert_eq!(proxy.open_connections(), 1);
    drop((client, upstream));
    within(async {
        while proxy.open_connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// OpenSSL on both sides: the proxy sees only ciphertext, and `corrupt` breaks the handshake or the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_passes_through_and_breaks_when_bits_are_flipped() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = || {
        let mut command = Command::new("openssl");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k.pem -out c.pem -subj /CN=localhost";
    let made = openssl().args(key.split(' ')).output().expect("openssl is missing: run `make setup-tests` first");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let serving = format!("s_server -accept {free} -cert c.pem -key k.pem -www -quiet");
    let mut server = openssl().args(serving.split(' ')).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    within(async {
        while TcpStream::connect(free).await.is_err() {
            tokio::time::sleep(BRIEF).await
        }
    })
    .await;
    let proxy = proxy(free, 3).await;
    let ask = async || {
        let script = format!(
            "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 20 openssl s_client -connect {} -CAfile c.pem -verify_return_error -ign_eof -quiet",
            proxy.listen()
        );
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", &script]).current_dir(folder.path());
        command.output().await.unwrap()
    };
    let answer = ask().await;
    assert!(String::from_utf8_lossy(&answer.stdout).contains("HTTP/1.0 200"), "{answer:?}");
    add(&proxy, Stream::Downstream, Kind::Corrupt(Corrupt { rate: 20_000 }));
    let answer = ask().await;
    assert!(!String::from_utf8_lossy(&answer.stdout).contains("HTTP/1.0 200"), "{answer:?}");
    server.kill().unwrap();
    server.wait().unwrap();
}
