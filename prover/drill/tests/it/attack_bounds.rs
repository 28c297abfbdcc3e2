//! Bounds of an attack, counted by the target.
//!
//! Nothing is timed: at so many a second for so long no more than their product can have begun, however busy the machine is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use keel_drill::attack::{self, Attack, Bounds, Target};
use keel_wire::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Source address of attacks; bystanders have others.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The harmless request with which each attack begins, before its bounds do.
const PEACE: usize = 1;

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// One answer a connection.
    Answers,
    /// The first connection is answered, those after it are kept in silence, as long as anybody likes.
    Keeps,
}

/// Counts the connections of the attacker.
async fn start(manner: Manner) -> (Target, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((connection, peer)) = listener.accept().await {
            let is_attack = peer.ip() == ATTACKER && counted.fetch_add(1, Ordering::SeqCst) >= PEACE;
            tokio::spawn(serve(connection, is_attack && manner == Manner::Keeps));
        }
    });
    let post = |path: &str| Request::new(Method::POST, path).header("Content-Type", "application/json").body("{}");
    let login = attack::target::Login { request: post("/login").body("{password}") };
    (Target { body: Some(post("/")), login: Some(login), ..Target::at(url.parse().unwrap()) }, count)
}

async fn serve(mut connection: TcpStream, keeps: bool) -> std::io::Result<()> {
    let mut bytes = [0; 4096];
    if keeps {
        while connection.read(&mut bytes).await? > 0 {}
        return Ok(());
    }
    let length = connection.read(&mut bytes).await?;
    let is_login = bytes[..length].windows(6).any(|part| part == b"/login");
    let status = if is_login { "401 Unauthorized" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    connection.write_all(head.as_bytes()).await
}

/// Returns the number of connections of each attack within these bounds.
async fn made(bounds: Bounds, manner: Manner) -> Vec<(&'static Attack, usize)> {
    let mut running = JoinSet::new();
    for attack in attack::all() {
        running.spawn(async move {
            let (target, count) = start(manner).await;
            attack::run(attack, &target, &bounds).await.unwrap();
            (attack, count.load(Ordering::SeqCst) - PEACE)
        });
    }
    let made = running.join_all().await;
    let busiest = made.iter().map(|(_, count)| *count).max();
    assert!(busiest > Some(1), "none was carried out: {made:?}");
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_begins_more_than_it_may_in_all() {
    let bounds =
        Bounds { requests: 7, duration: Duration::from_secs(1), answer: Duration::from_secs(1), ..Bounds::default() };
    for (attack, count) in made(bounds, Manner::Answers).await {
        assert!(count <= 7, "{} began {count}", attack.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_begins_more_than_its_rate_gives_in_its_time() {
    let bounds =
        Bounds { rate: 8, duration: Duration::from_secs(1), answer: Duration::from_secs(1), ..Bounds::default() };
    for (attack, count) in made(bounds, Manner::Answers).await {
        assert!(count <= 8, "{} began {count}", attack.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_holds_more_connections_than_it_may() {
    let bounds = Bounds {
        connections: 5,
        duration: Duration::from_secs(1),
        answer: Duration::from_secs(1),
        ..Bounds::default()
    };
    let holding = ["slow-headers", "slow-body", "slow-read", "idle", "h2-window-stall"];
    for (attack, count) in made(bounds, Manner::Keeps).await {
        assert!(count <= 5 || !holding.contains(&attack.id), "{} holds {count}", attack.id);
    }
}
