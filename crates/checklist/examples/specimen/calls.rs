//! Specimens for the probes that count and time calls: a service that asks `DEPENDENCY_URL` for `/price` with one way of
//! protecting the call, or against it.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::server::{Response, serve};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Three attempts with growing, random pauses, paid from a budget; none when told to come back later.
    Retrying,
    /// Three attempts, at once.
    Stubborn,
    /// A breaker.
    Breaking,
    /// A breaker beneath three attempts.
    Weary,
    /// Eight calls at a time, others refused at once.
    Partitioned,
    /// Eight requests at a time, whatever they need; others wait.
    Shared,
}

/// The whole call.
const TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 3;
const BASE: Duration = Duration::from_millis(40);
/// Failures in a row that open the breaker, and how long it stays open.
const FAILURES: u32 = 5;
const OPEN: Duration = Duration::from_millis(500);
const PLACES: usize = 8;

/// What calls share.
struct State {
    failures: u32,
    closed_from: Instant,
    budget: f64,
    taken: usize,
}

struct Service {
    state: Mutex<State>,
    freed: Condvar,
}

/// Runs the specimen called `name` on `port` until it is killed; false when it is not one of these.
pub(crate) fn run(name: &str, port: u16) -> bool {
    let way = match name {
        "calls-retrying" => Way::Retrying,
        "calls-stubborn" => Way::Stubborn,
        "calls-breaking" => Way::Breaking,
        "calls-weary" => Way::Weary,
        "calls-partitioned" => Way::Partitioned,
        "calls-shared" => Way::Shared,
        _ => return false,
    };
    let state = State { failures: 0, closed_from: Instant::now(), budget: 30.0, taken: 0 };
    let service = Service { state: Mutex::new(state), freed: Condvar::new() };
    serve(port, move |request| match request.path.as_str() {
        "/price" => service.price(way),
        "/" if way == Way::Shared => service.in_place(|| Response::new(200, "text/plain", "hello")),
        "/" => Response::new(200, "text/plain", "hello"),
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

impl Service {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for one of the places, however long.
    fn in_place(&self, work: impl FnOnce() -> Response) -> Response {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.taken >= PLACES {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.taken += 1;
        drop(state);
        let response = work();
        self.with(|state| state.taken -= 1);
        self.freed.notify_one();
        response
    }

    fn price(&self, way: Way) -> Response {
        match way {
            Way::Retrying | Way::Stubborn => self.repeated(way),
            Way::Breaking => self.broken_off(),
            Way::Weary => {
                let mut answers = (0..ATTEMPTS).map(|_| self.broken_off());
                answers.find(|answer| answer.status == 200).unwrap_or_else(refused)
            }
            Way::Partitioned => {
                if self.with(|state| state.taken >= PLACES) {
                    return refused();
                }
                self.in_place(|| ask().map_or_else(|_| refused(), priced))
            }
            Way::Shared => self.in_place(|| ask().map_or_else(|_| refused(), priced)),
        }
    }

    fn repeated(&self, way: Way) -> Response {
        self.with(|state| state.budget = (state.budget + 0.05).min(30.0));
        for attempt in 0..ATTEMPTS {
            match ask() {
                Ok(body) => return priced(body),
                Err(told) if way == Way::Retrying => {
                    let paid = attempt + 1 < ATTEMPTS
                        && !told.contains("retry-after")
                        && self.with(|state| {
                            let pays = state.budget >= 1.0;
                            state.budget -= if pays { 1.0 } else { 0.0 };
                            pays
                        });
                    if !paid {
                        break;
                    }
                    let random = RandomState::new().hash_one(attempt) % 1000;
                    std::thread::sleep((BASE * 2_u32.pow(attempt)).mul_f64(0.5 + random as f64 / 1000.0));
                }
                Err(_) => {}
            }
        }
        refused()
    }

    fn broken_off(&self) -> Response {
        let may_call = self.with(|state| {
            let open = Instant::now() < state.closed_from;
            // The one that may look, while the others are refused for another while.
            if !open && state.failures >= FAILURES {
                state.closed_from = Instant::now() + OPEN;
            }
            !open
        });
        if !may_call {
            return refused();
        }
        let answer = ask();
        self.with(|state| match answer {
            Ok(_) => (state.failures, state.closed_from) = (0, Instant::now()),
            Err(_) => {
                state.failures += 1;
                if state.failures >= FAILURES {
                    state.closed_from = Instant::now() + OPEN;
                }
            }
        });
        answer.map_or_else(|_| refused(), priced)
    }
}

fn refused() -> Response {
    Response::new(503, "text/plain", "no price now")
}

fn priced(body: Vec<u8>) -> Response {
    Response::new(200, "application/json", body)
}

/// One call; the head of the answer, in small letters, when it is no 200.
fn ask() -> Result<Vec<u8>, String> {
    let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(|error| error.to_string())?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: dependency\r\nConnection: close\r\n\r\n")
        .map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer).map_err(|error| error.to_string())?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head")?;
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return Ok(answer[head + 4..].to_vec());
    }
    Err(String::from_utf8_lossy(&answer[..head]).to_lowercase())
}
