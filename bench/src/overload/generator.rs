//! Open-loop generator: requests of many clients, sent at intended times that do not depend on the server.
//!
//! A latency is counted from the intended time, so that a request that left late is as slow as its client sees it. A client gives up after a
//! second and closes its connection, and its next request opens another one. Each client has an address of its own on the loopback and at most
//! [`CONNECTIONS`] connections; a request that finds all of them busy fails without being sent.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Clients, each with an address of its own.
pub(crate) const CLIENTS: usize = 200;
/// Connections of one client at the same time.
pub(crate) const CONNECTIONS: usize = 20;
/// Time after which a client gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// Answers within this time are good.
pub(crate) const OBJECTIVE: Duration = Duration::from_millis(500);
/// Bytes of an answer that are read at most.
const MAX_ANSWER: usize = 16 * 1024;

const REQUEST: &[u8] = b"GET /work HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

/// One run of the generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// Requests a second; none: a closed loop with this many connections.
    pub(crate) pace: Pace,
    /// Time before the first request that is counted.
    pub(crate) warm_up: Duration,
    /// Time in which requests are counted.
    pub(crate) counted: Duration,
}

/// Pace of the requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Poisson arrivals, this many a second.
    Rate(f64),
    /// Each of this many clients sends its next request when the last one is answered.
    Closed(usize),
}

#[derive(Debug, Default)]
struct Tally {
    offered: u64,
    /// Latencies of the answers with status 200, in milliseconds.
    answered: Vec<f64>,
    refused: u64,
    given_up: u64,
    unsent: u64,
    failed: u64,
    opened: u64,
    /// The longest time by which a request was sent late by the generator itself, in milliseconds.
    late_ms: f64,
}

#[derive(Debug)]
struct Client {
    source: SocketAddr,
    idle: Vec<TcpStream>,
    open: usize,
}

enum Answer {
    Ok,
    Refused,
}

/// Runs the plan in this process, on one thread, and prints the figures as one line of JSON.
pub(crate) fn run(plan: Plan) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let tally = LocalSet::new().block_on(&runtime, fire(plan));
            println!("{}", figures(&tally, plan.counted));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn fire(plan: Plan) -> Tally {
    let tally = Rc::new(RefCell::new(Tally::default()));
    let clients: Vec<Rc<RefCell<Client>>> =
        (0..CLIENTS).map(|number| Rc::new(RefCell::new(Client::new(number)))).collect();
    let start = Instant::now();
    let (from, end) = (start + plan.warm_up, start + plan.warm_up + plan.counted);
    match plan.pace {
        Pace::Rate(rate) => {
            let (mut chance, mut intended) = (Chance(0x9e37_79b9_7f4a_7c15), start);
            while intended < end {
                sleep_until(intended).await;
                let late_ms = intended.elapsed().as_secs_f64() * 1e3;
                let counts = intended >= from;
                if counts {
                    let mut tally = tally.borrow_mut();
                    tally.late_ms = tally.late_ms.max(late_ms);
                }
                let client = clients[chance.below(CLIENTS)].clone();
                tokio::task::spawn_local(request(plan.address, client, intended, counts.then(|| tally.clone())));
                intended += Duration::from_secs_f64(-(1.0 - chance.fraction()).ln() / rate);
            }
            tokio::time::sleep(PATIENCE + Duration::from_millis(50)).await;
        }
        Pace::Closed(at_once) => {
            let mut loops = JoinSet::new();
            for client in clients.iter().take(at_once) {
                let (client, tally) = (client.clone(), tally.clone());
                loops.spawn_local(async move {
                    while Instant::now() < end {
                        let now = Instant::now();
                        let counts = now >= from;
                        request(plan.address, client.clone(), now, counts.then(|| tally.clone())).await;
                    }
                });
            }
            loops.join_all().await;
        }
    }
    tally.take()
}

/// Sends one request and notes its end.
async fn request(
    address: SocketAddr,
    client: Rc<RefCell<Client>>,
    intended: Instant,
    tally: Option<Rc<RefCell<Tally>>>,
) {
    let note = |note: fn(&mut Tally)| {
        if let Some(tally) = &tally {
            note(&mut tally.borrow_mut());
        }
    };
    note(|tally| tally.offered += 1);
    let idle = {
        let mut client = client.borrow_mut();
        match client.idle.pop() {
            None if client.open >= CONNECTIONS => {
                note(|tally| tally.unsent += 1);
                return;
            }
            None => {
                client.open += 1;
                None
            }
            idle => idle,
        }
    };
    if idle.is_none() {
        note(|tally| tally.opened += 1);
    }
    let source = client.borrow().source;
    let outcome = timeout_at(intended + PATIENCE, exchange(idle, source, address)).await;
    let kept = match outcome {
        Err(_) => {
            note(|tally| tally.given_up += 1);
            None
        }
        Ok(Err(_)) => {
            note(|tally| tally.failed += 1);
            None
        }
        Ok(Ok((answer, kept))) => {
            match answer {
                Answer::Refused => note(|tally| tally.refused += 1),
                Answer::Ok => {
                    if let Some(tally) = &tally {
                        tally.borrow_mut().answered.push(intended.elapsed().as_secs_f64() * 1e3);
                    }
                }
            }
            kept
        }
    };
    let mut client = client.borrow_mut();
    match kept {
        Some(socket) => client.idle.push(socket),
        None => client.open -= 1,
    }
}

/// Sends the request and reads its answer; returns the connection too when it stays open.
async fn exchange(
    idle: Option<TcpStream>,
    source: SocketAddr,
    address: SocketAddr,
) -> std::io::Result<(Answer, Option<TcpStream>)> {
    let mut socket = match idle {
        Some(socket) => socket,
        None => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(source)?;
            let socket = socket.connect(address).await?;
            socket.set_nodelay(true)?;
            socket
        }
    };
    socket.write_all(REQUEST).await?;
    let (mut bytes, mut piece) = (Vec::with_capacity(1024), [0; 4096]);
    loop {
        let read = socket.read(&mut piece).await?;
        if read == 0 || bytes.len() > MAX_ANSWER {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..read]);
        if let Some((status, stays)) = whole(&bytes) {
            let answer = if status == 200 { Answer::Ok } else { Answer::Refused };
            return Ok((answer, stays.then_some(socket)));
        }
    }
}

/// Returns the status of an answer that is complete, and whether its connection stays open.
fn whole(bytes: &[u8]) -> Option<(u16, bool)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length: usize = field("content-length:").map_or(Some(0), |length| length.parse().ok())?;
    (bytes.len() >= end + 4 + length).then_some((status, field("connection:") != Some("close")))
}

impl Client {
    fn new(number: usize) -> Self {
        // 127.0.1.1 and on: each client is one to the limits by address.
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, 1, (number % 250) as u8 + 1), 0));
        Self { source, idle: Vec::new(), open: 0 }
    }
}

fn figures(tally: &Tally, counted: Duration) -> serde_json::Value {
    let mut latencies = tally.answered.clone();
    latencies.sort_by(f64::total_cmp);
    let good = latencies.iter().filter(|latency| **latency <= OBJECTIVE.as_secs_f64() * 1e3).count();
    let p99 = latencies.get((latencies.len() * 99 / 100).min(latencies.len().saturating_sub(1)));
    json!({
        "offered": tally.offered,
        "good_per_second": good as f64 / counted.as_secs_f64(),
        "answered": latencies.len(),
        "p99_ms": p99,
        "refused": tally.refused,
        "given_up": tally.given_up,
        "unsent": tally.unsent,
        "failed": tally.failed,
        "opened": tally.opened,
        "late_ms": tally.late_ms,
    })
}

/// Pseudo-random numbers from a seed (xorshift): each run has the same arrivals.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        ((self.fraction() * bound as f64) as usize).min(bound - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_all_of_its_body_is_there() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        assert_eq!(whole(text), Some((503, false)));
        assert_eq!(whole(&text[..text.len() - 1]), None);
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Some((200, true)));
    }

    #[test]
    fn poisson_arrivals_have_the_mean_that_was_asked_for() {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let sum: f64 = (0..100_000).map(|_| -(1.0 - chance.fraction()).ln()).sum();
        assert!((0.97..1.03).contains(&(sum / 100_000.0)), "{sum}");
    }
}
