//! Open-loop generator: requests of many clients at intended times, independent of the answers.
//!
//! A latency is counted from the intended time, so that a request that left late is as slow as its client sees it. A client gives up after a
//! second and closes its connection, and its next request opens another one. Each client has an address of its own on the loopback and a
//! number of connections that is bounded; a request that finds all of them busy fails without being sent.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::plan::{Pace, Plan, Source};
use super::tally::{Outcome, Tally, count};

/// Time after which a client gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// Answers within this time are good.
pub(crate) const OBJECTIVE: Duration = Duration::from_millis(500);
/// Time until the first retry; each further one waits for twice as long.
const BACKOFF: Duration = Duration::from_millis(50);
/// Bytes of an answer that are read at most.
const MAX_ANSWER: usize = 16 * 1024;

/// The state that the requests of one source share.
struct Shared {
    address: SocketAddr,
    request: Vec<u8>,
    connections: usize,
    retries: u32,
    start: Instant,
    from: Instant,
    tally: RefCell<Tally>,
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
pub(crate) fn run(plan: &Plan) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        let outcome = LocalSet::new().block_on(&runtime, fire(plan));
        serde_json::to_string(&outcome).map_err(|error| error.to_string())
    });
    match told {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: the generator did not run: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn fire(plan: &Plan) -> Outcome {
    let start = Instant::now();
    let from = start + plan.warm_up;
    let end = from + plan.counted;
    let (mut running, mut shared) = (JoinSet::new(), Vec::new());
    let late = Rc::new(RefCell::new(0.0_f64));
    for (number, source) in plan.sources.iter().enumerate() {
        let of_source = Rc::new(Shared {
            address: plan.address,
            request: bytes(source),
            connections: source.connections,
            retries: source.retries,
            start,
            from,
            tally: RefCell::default(),
        });
        shared.push((source.name.clone(), of_source.clone()));
        let clients: Vec<Rc<RefCell<Client>>> = (source.first_client..source.first_client + source.clients)
            .map(|number| Rc::new(RefCell::new(Client::new(number))))
            .collect();
        match &source.pace {
            Pace::Open(parts) => {
                let chance = Chance(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9));
                running.spawn_local(open(of_source, clients, parts.clone(), chance, late.clone()));
            }
            Pace::Closed(at_once) => {
                for client in clients.into_iter().cycle().take(*at_once) {
                    running.spawn_local(closed(of_source.clone(), client, end));
                }
            }
        }
    }
    running.join_all().await;
    sleep(PATIENCE + Duration::from_millis(50)).await;
    let late_ms = *late.borrow();
    let figures = shared.iter().map(|(name, shared)| shared.tally.borrow().figures(name, plan.counted));
    Outcome { sources: figures.collect(), late_ms }
}

/// Sends Poisson arrivals, part after part.
async fn open(
    shared: Rc<Shared>,
    clients: Vec<Rc<RefCell<Client>>>,
    parts: Vec<(Duration, f64)>,
    mut chance: Chance,
    late: Rc<RefCell<f64>>,
) {
    let mut end = shared.start;
    for (lasts, rate) in parts {
        let begin = end;
        end += lasts;
        if rate <= 0.0 {
            continue;
        }
        let mut intended = begin + chance.interval(rate);
        while intended < end {
            sleep_until(intended).await;
            if intended >= shared.from {
                let mut late = late.borrow_mut();
                *late = late.max(intended.elapsed().as_secs_f64() * 1e3);
            }
            let client = clients[chance.below(clients.len())].clone();
            tokio::task::spawn_local(with_retries(shared.clone(), client, intended));
            intended += chance.interval(rate);
        }
    }
}

/// Sends one request after the other.
async fn closed(shared: Rc<Shared>, client: Rc<RefCell<Client>>, end: Instant) {
    while Instant::now() < end {
        request(&shared, &client, Instant::now()).await;
    }
}

async fn with_retries(shared: Rc<Shared>, client: Rc<RefCell<Client>>, intended: Instant) {
    let mut good = request(&shared, &client, intended).await;
    let mut wait = BACKOFF;
    for _ in 0..shared.retries {
        if good {
            return;
        }
        sleep(wait).await;
        wait *= 2;
        good = request(&shared, &client, Instant::now()).await;
    }
}

/// Sends one request and notes its end; true when it was answered with 200.
async fn request(shared: &Shared, client: &Rc<RefCell<Client>>, intended: Instant) -> bool {
    let counts = intended >= shared.from;
    let note = |note: &dyn Fn(&mut Tally)| {
        if counts {
            note(&mut shared.tally.borrow_mut());
        }
    };
    note(&|tally| tally.offered += 1);
    count(&mut shared.tally.borrow_mut().offered_slices, intended - shared.start);
    let idle = {
        let mut client = client.borrow_mut();
        match client.idle.pop() {
            None if client.open >= shared.connections => {
                note(&|tally| tally.unsent += 1);
                return false;
            }
            None => {
                client.open += 1;
                note(&|tally| tally.opened += 1);
                None
            }
            idle => idle,
        }
    };
    let source = client.borrow().source;
    let outcome = timeout_at(intended + PATIENCE, exchange(shared, idle, source)).await;
    let (mut good, mut kept) = (false, None);
    match outcome {
        Err(_) => note(&|tally| tally.given_up += 1),
        Ok(Err(_)) => note(&|tally| tally.failed += 1),
        Ok(Ok((Answer::Refused, connection))) => {
            note(&|tally| tally.refused += 1);
            kept = connection;
        }
        Ok(Ok((Answer::Ok, connection))) => {
            let took = intended.elapsed();
            note(&|tally| tally.answered.push(took.as_secs_f64() * 1e3));
            if took <= OBJECTIVE {
                count(&mut shared.tally.borrow_mut().slices, intended - shared.start);
            }
            (good, kept) = (true, connection);
        }
    }
    let mut client = client.borrow_mut();
    match kept {
        Some(socket) => client.idle.push(socket),
        None => client.open -= 1,
    }
    good
}

/// Sends the request and reads its answer; returns the connection too when it stays open.
async fn exchange(
    shared: &Shared,
    idle: Option<TcpStream>,
    source: SocketAddr,
) -> std::io::Result<(Answer, Option<TcpStream>)> {
    let mut socket = match idle {
        Some(socket) => socket,
        None => {
            let socket = TcpSocket::new_v4()?;
            socket.bind(source)?;
            let socket = socket.connect(shared.address).await?;
            socket.set_nodelay(true)?;
            socket
        }
    };
    socket.write_all(&shared.request).await?;
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

fn bytes(source: &Source) -> Vec<u8> {
    let class = source.criticality.as_ref().map_or_else(String::new, |class| format!("criticality: {class}\r\n"));
    let path = &source.path;
    format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\nAccept: */*\r\n{class}\r\n")
        .into_bytes()
}

/// Returns the status of an answer that is complete, and whether its connection stays open.
fn whole(bytes: &[u8]) -> Option<(u16, bool)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let close = field("connection:") == Some("close");
    let Some(length) = field("content-length:") else {
        // The body ends with the connection, or there is none: nothing more is waited for, and the connection is not used again.
        return Some((status, false));
    };
    let length: usize = length.parse().ok()?;
    (bytes.len() >= end + 4 + length).then_some((status, !close))
}

impl Client {
    fn new(number: usize) -> Self {
        // 127.0.1.1 and on: each client is one to the limits by address.
        let (network, host) = ((number / 250) as u8 + 1, (number % 250) as u8 + 1);
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, network, host), 0));
        Self { source, idle: Vec::new(), open: 0 }
    }
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

    /// The time until the next arrival at this rate a second.
    fn interval(&mut self, rate: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.fraction()).ln() / rate)
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
        assert_eq!(whole(b"HTTP/1.0 503 Service Unavailable\r\n\r\n<html>"), Some((503, false)));
    }

    #[test]
    fn poisson_arrivals_have_the_mean_that_was_asked_for() {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let sum: f64 = (0..100_000).map(|_| chance.interval(10.0).as_secs_f64()).sum();
        assert!((0.97..1.03).contains(&(sum / 10_000.0)), "{sum}");
    }
}
