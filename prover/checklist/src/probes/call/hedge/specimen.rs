//! Servers for the probe of hedges: a service that asks `DEPENDENCY_URL` for `/price` and `/order`, and asks again when the answer
//! is late.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Reads are hedged, within a budget; the loser is hung up on.
    Budgeted,
    /// Reads are hedged, each of them.
    Eager,
    /// Orders are hedged like reads.
    Careless,
    /// Reads are given up when they are late, and begun again.
    Repeating,
}

/// Time after which an answer is late: the dependency answers within milliseconds.
const LATE: Duration = Duration::from_millis(80);
/// The whole call.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Credit that each request adds to the budget, and the maximum that is saved.
const RATIO: f64 = 0.1;
const SAVED: f64 = 10.0;

static BUDGET: Mutex<f64> = Mutex::new(SAVED);

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("hedges-budgeted", |port| hedge(Way::Budgeted, port)).holds("hedges reads within a budget"),
    Server::new("hedges-eager", |port| hedge(Way::Eager, port)).falls_short("hedges each read"),
    Server::new("hedges-careless", |port| hedge(Way::Careless, port)).falls_short("hedges orders like reads"),
    Server::new("hedges-repeating", |port| hedge(Way::Repeating, port))
        .is_unknown("gives late reads up and begins them again")
        .liar(),
    GOOD.is_unknown("hedges nothing, and it is not declared whether it should"),
    DEPENDENCY.is_called(),
];

fn hedge(way: Way, port: u16) -> ! {
    serve(port, move |request| match request.path.as_str() {
        "/price" => answered(call("GET", way, true)),
        "/order" => answered(call("POST", way, way == Way::Careless)),
        "/" => Response::new(200, "text/plain", "hello"),
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

fn answered(answer: Option<Vec<u8>>) -> Response {
    match answer {
        Some(body) => Response::new(200, "application/json", body),
        None => Response::new(503, "text/plain", "no answer now"),
    }
}

fn call(method: &'static str, way: Way, twice: bool) -> Option<Vec<u8>> {
    let (answers, answer) = channel();
    let first = begin(method, answers.clone())?;
    if !twice {
        return answer.recv_timeout(TIMEOUT).ok().flatten();
    }
    earn();
    if let Ok(body) = answer.recv_timeout(LATE) {
        return body;
    }
    if way == Way::Budgeted && !pays() {
        return answer.recv_timeout(TIMEOUT).ok().flatten();
    }
    if way == Way::Repeating {
        let _ = first.shutdown(Shutdown::Both);
        // What became of the one that was given up.
        let _ = answer.recv();
    }
    let second = begin(method, answers)?;
    let body = answer.recv_timeout(TIMEOUT).ok().flatten();
    for loser in [first, second] {
        let _ = loser.shutdown(Shutdown::Both);
    }
    body
}

fn earn() {
    let mut budget = BUDGET.lock().unwrap_or_else(PoisonError::into_inner);
    *budget = (*budget + RATIO).min(SAVED);
}

fn pays() -> bool {
    let mut budget = BUDGET.lock().unwrap_or_else(PoisonError::into_inner);
    let pays = *budget >= 1.0;
    *budget -= if pays { 1.0 } else { 0.0 };
    pays
}

/// Begins a call whose answer is sent to `answers`; none when the dependency is not there.
fn begin(method: &'static str, answers: Sender<Option<Vec<u8>>>) -> Option<TcpStream> {
    let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://").trim_end_matches('/')).ok()?;
    let head = format!("{method} / HTTP/1.1\r\nHost: dependency\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut reading = stream.try_clone().ok()?;
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = reading.read_to_end(&mut answer);
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let well = read.is_ok() && answer.starts_with(b"HTTP/1.1 200 ");
        let _ = answers.send(head.filter(|_| well).map(|head| answer[head + 4..].to_vec()));
    });
    Some(stream)
}
