//! Servers for the probes of chapter `call`: a service that calls `DEPENDENCY_URL` for `/price`, well or with one flaw,
//! and the dependency itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::specimen::Server;
use crate::specimen::server::{Response, serve};

pub(crate) mod protected;

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Waits for an answer for ever.
    Patient,
    /// Passes every answer on as its own success.
    Trusting,
    /// Reads the whole answer before it looks, up to 256 MiB.
    Greedy,
    /// Asks the dependency for every request, also those that need nothing of it.
    Entangled,
    /// Ends when a call fails.
    Mortal,
    /// Answers with a price of zero when it has none.
    Inventing,
    /// Answers with the last price when it has none, and does not say so.
    Forgetful,
    /// No flaw: the same, and says so.
    Remembering,
    /// Answers in time, and lets the call wait for ever behind it.
    Leaking,
    /// Bounds its calls from the time at which it has a connection.
    Unconnected,
    /// Does not call at all.
    Aloof,
}

/// The whole call, to its last byte.
const TIMEOUT: Duration = Duration::from_millis(700);
/// The same for the greedy one: on a busy machine much is only read in time.
const GREEDY_TIMEOUT: Duration = Duration::from_millis(1500);
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;
/// The longest answer that even the greedy one reads: the machine must survive the test.
const MAX_GREED: usize = 256 << 20;

/// The dependency: it tells the price.
pub(crate) const DEPENDENCY: Server =
    Server::new("call-dependency", |port| serve(port, |_| Response::new(200, "application/json", PRICE)));

/// It calls with a timeout, and passes only whole answers on.
pub(crate) const GOOD: Server = Server::new("call-good", |port| ask(Flaw::None, port));

/// It makes a price up when it has none.
pub(crate) const INVENTING: Server = Server::new("call-inventing", |port| ask(Flaw::Inventing, port));

/// It answers with the last price when it has none, and says so.
pub(crate) const REMEMBERING: Server = Server::new("call-remembering", |port| ask(Flaw::Remembering, port));

/// It does not call at all.
pub(crate) const ALOOF: Server = Server::new("call-aloof", |port| ask(Flaw::Aloof, port));

/// Serves with one flaw.
pub(crate) fn ask(flaw: Flaw, port: u16) -> ! {
    serve(port, move |request| match request.path.as_str() {
        "/price" | "/price?again" if flaw == Flaw::Aloof => Response::new(200, "application/json", PRICE),
        "/price" | "/price?again" => answer_with_call(flaw),
        "/order" => {
            std::thread::spawn(move || call(flaw));
            Response::new(202, "application/json", r#"{"state":"accepted"}"#)
        }
        "/" if flaw == Flaw::Entangled && call(flaw).is_err() => Response::new(500, "text/plain", "broken"),
        "/" => Response::new(200, "text/plain", "hello"),
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

/// The price, from the dependency, as it should be asked for.
pub(crate) fn price() -> Result<Vec<u8>, String> {
    call(Flaw::None)
}

const PRICE: &str = r#"{"price":"12.50","currency":"EUR","of":"a thing whose description is long enough to be cut in its middle, and then some more so that no head hides it"}"#;

fn answer_with_call(flaw: Flaw) -> Response {
    if flaw == Flaw::Leaking {
        return answer_beside_call();
    }
    match call(flaw) {
        Ok(body) => Response::new(200, "application/json", body),
        Err(_) if flaw == Flaw::Inventing => Response::new(200, "application/json", PRICE.replace("12.50", "0.00")),
        Err(_) if flaw == Flaw::Forgetful => Response::new(200, "application/json", PRICE),
        Err(_) if flaw == Flaw::Remembering => {
            Response::new(200, "application/json", PRICE.replace("\"of\"", "\"stale\":true,\"of\""))
        }
        Err(_) if flaw == Flaw::Mortal => std::process::exit(1),
        Err(reason) => Response::new(503, "text/plain", format!("no price now: {reason}")),
    }
}

/// Answers after the timeout, for every outcome of the call.
fn answer_beside_call() -> Response {
    let (answer, answered) = std::sync::mpsc::channel();
    std::thread::spawn(move || answer.send(call(Flaw::Patient)));
    match answered.recv_timeout(TIMEOUT) {
        Ok(Ok(body)) => Response::new(200, "application/json", body),
        _ => Response::new(504, "text/plain", "no price in time"),
    }
}

/// One call, as each flaw makes it.
fn call(flaw: Flaw) -> Result<Vec<u8>, String> {
    let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = match flaw {
        Flaw::Unconnected => TcpStream::connect(address).map_err(|_| "refused")?,
        _ => {
            let address = address.parse().map_err(|_| "no address")?;
            TcpStream::connect_timeout(&address, TIMEOUT).map_err(|_| "refused")?
        }
    };
    let begun = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: dependency\r\nConnection: close\r\n\r\n").map_err(|_| "reset")?;
    let (limit, timeout) = if flaw == Flaw::Greedy { (MAX_GREED, GREEDY_TIMEOUT) } else { (MAX_ANSWER, TIMEOUT) };
    let (mut answer, mut piece) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        if flaw != Flaw::Patient {
            let left = timeout.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()).ok_or("too slow")?;
            stream.set_read_timeout(Some(left)).map_err(|_| "no timeout")?;
        }
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(_) if flaw == Flaw::Trusting && !answer.is_empty() => break,
            Err(_) => return Err("reset or too slow".to_owned()),
        }
        if whole(&answer) {
            break;
        }
        if answer.len() > limit {
            return Err("too long".to_owned());
        }
    }
    match flaw {
        Flaw::Trusting if !answer.is_empty() => Ok(answer),
        _ if whole(&answer) && answer.starts_with(b"HTTP/1.1 200 ") => Ok(body(&answer).to_vec()),
        _ => Err("a bad answer".to_owned()),
    }
}

fn body(answer: &[u8]) -> &[u8] {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n");
    at.map_or(&[], |at| &answer[at + 4..])
}

/// Returns true if as many bytes have come as were announced.
fn whole(answer: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&answer[..answer.len().min(4096)]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| body(answer).len() >= length)
}
