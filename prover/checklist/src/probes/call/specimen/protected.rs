//! Servers for the probes that count and time calls: a service that asks `DEPENDENCY_URL` for `/price` with one way of
//! protecting the call, or against it.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::specimen::Server;
use crate::specimen::server::{Response, serve};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Three attempts with growing, random pauses, paid from a budget; none when told to come back later, when it is late, or
    /// when it is an order.
    Retrying,
    /// The same, from a budget that is empty at first and takes a tenth of a repeat for each request.
    Thrifty,
    /// The same for orders.
    Careless,
    /// The same, but only when the call is hung up on.
    Picky,
    /// Five such attempts, however late it is.
    Tireless,
    /// Three attempts, at once.
    Stubborn,
    /// A breaker that counts failures.
    Breaking,
    /// The same; what is late counts as a failure.
    Observant,
    /// A breaker that only counts answers.
    Forgiving,
    /// The same beneath eight calls at a time, which spare a silent dependency as well.
    Crowded,
    /// No breaker, but so few requests are let in that most of any load is refused.
    Rationed,
    /// A breaker that opens at the first failure, and for long.
    Shy,
    /// A breaker beneath three attempts.
    Weary,
    /// The same, paid from a budget.
    Sparing,
    /// Eight calls at a time, others refused at once.
    Partitioned,
    /// Eight requests at a time, for all dependencies; others wait.
    Shared,
    /// As many calls as there are requests, but one begins 20 ms after the other.
    Trickling,
    /// One request at a time, each for 40 ms, independent of the dependency.
    Labouring,
}

/// The whole call.
const TIMEOUT: Duration = Duration::from_millis(500);
const ATTEMPTS: u32 = 3;
/// No attempt is made later.
const LAST: Duration = Duration::from_millis(750);
const BASE: Duration = Duration::from_millis(40);
/// Failures in a row that open the breaker, and how long it stays open.
const FAILURES: u32 = 8;
const OPEN: Duration = Duration::from_millis(200);
const LONG_OPEN: Duration = Duration::from_millis(1500);
/// Latency above which the observant one counts a call as late.
const SLOW: Duration = Duration::from_millis(250);
const PLACES: usize = 8;
/// Requests that the rationed one lets in: so many at once, and a second.
const RATION: f64 = 4.0;
const RATION_PER_SECOND: f64 = 14.0;
const TRICKLE: Duration = Duration::from_millis(20);

/// State that calls share.
struct State {
    failures: u32,
    closed_from: Instant,
    budget: f64,
    /// The time at which the ration was last filled up.
    rationed: Instant,
    taken: usize,
}

struct Service {
    state: Mutex<State>,
    freed: Condvar,
}

/// Its repeats pause at random, and are paid from a budget.
pub(crate) const RETRYING: Server = Server::new("calls-retrying", |port| ask(Way::Retrying, port));

/// The same, from a budget that is empty at first.
pub(crate) const THRIFTY: Server = Server::new("calls-thrifty", |port| ask(Way::Thrifty, port));

/// It repeats only calls that are hung up on.
pub(crate) const PICKY: Server = Server::new("calls-picky", |port| ask(Way::Picky, port));

/// It repeats at once.
pub(crate) const STUBBORN: Server = Server::new("calls-stubborn", |port| ask(Way::Stubborn, port));

/// A rate limit spares its calls.
pub(crate) const RATIONED: Server = Server::new("calls-rationed", |port| ask(Way::Rationed, port));

/// Its breaker opens at the first failure.
pub(crate) const SHY: Server = Server::new("calls-shy", |port| ask(Way::Shy, port));

/// Serves in one way.
pub(crate) fn ask(way: Way, port: u16) -> ! {
    let state = State {
        failures: 0,
        closed_from: Instant::now(),
        budget: match way {
            Way::Thrifty => 0.0,
            Way::Rationed => RATION,
            _ => 30.0,
        },
        rationed: Instant::now(),
        taken: 0,
    };
    let service = Service { state: Mutex::new(state), freed: Condvar::new() };
    serve(port, move |request| match request.path.as_str() {
        "/price" => service.price(way),
        // Another dependency, in front of which there is nothing.
        "/tax" => call_at("TAX_URL", "GET").map_or_else(|_| refused(), priced),
        "/order" if way == Way::Careless => service.repeated(way, "POST"),
        "/order" => call("POST").map_or_else(|_| refused(), priced),
        "/" if way == Way::Shared => service.in_place(|| Response::new(200, "text/plain", "hello")),
        "/" if way == Way::Labouring => service.with(|_| Response::new(200, "text/plain", "hello")),
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
            Way::Retrying | Way::Thrifty | Way::Careless | Way::Picky | Way::Tireless | Way::Stubborn => {
                self.repeated(way, "GET")
            }
            Way::Breaking | Way::Observant | Way::Forgiving | Way::Shy => self.broken_off(way),
            Way::Crowded => self.in_one_of_places(|| self.broken_off(way)),
            Way::Rationed if !self.is_let_in() => Response::new(429, "text/plain", "too many"),
            Way::Rationed => call("GET").map_or_else(|_| refused(), priced),
            Way::Weary => {
                let mut answers = (0..ATTEMPTS).map(|_| self.broken_off(way));
                answers.find(|answer| answer.status == 200).unwrap_or_else(refused)
            }
            Way::Sparing => {
                self.with(|state| state.budget = (state.budget + 0.1).min(30.0));
                let mut answer = self.broken_off(way);
                for _ in 1..ATTEMPTS {
                    if answer.status == 200 || !self.pays() {
                        break;
                    }
                    answer = self.broken_off(way);
                }
                answer
            }
            Way::Partitioned => self.in_one_of_places(|| call("GET").map_or_else(|_| refused(), priced)),
            Way::Shared => self.in_place(|| call("GET").map_or_else(|_| refused(), priced)),
            Way::Labouring => {
                self.with(|_| std::thread::sleep(TRICKLE * 2));
                call("GET").map_or_else(|_| refused(), priced)
            }
            Way::Trickling => {
                self.with(|_| std::thread::sleep(TRICKLE));
                call("GET").map_or_else(|_| refused(), priced)
            }
        }
    }

    /// Refuses when all places are taken.
    fn in_one_of_places(&self, work: impl FnOnce() -> Response) -> Response {
        if self.with(|state| state.taken >= PLACES) {
            return refused();
        }
        self.in_place(work)
    }

    /// Takes one of the ration, which fills up with time.
    fn is_let_in(&self) -> bool {
        self.with(|state| {
            let now = Instant::now();
            let more = now.duration_since(state.rationed).as_secs_f64() * RATION_PER_SECOND;
            (state.budget, state.rationed) = ((state.budget + more).min(RATION), now);
            let pays = state.budget >= 1.0;
            state.budget -= if pays { 1.0 } else { 0.0 };
            pays
        })
    }

    fn repeated(&self, way: Way, method: &str) -> Response {
        let earned = if way == Way::Thrifty { 0.1 } else { 0.05 };
        self.with(|state| state.budget = (state.budget + earned).min(30.0));
        let begun = Instant::now();
        let attempts = if way == Way::Tireless { 5 } else { ATTEMPTS };
        for attempt in 0..attempts {
            match call(method) {
                Ok(body) => return priced(body),
                Err(told) if way != Way::Stubborn => {
                    let paid = attempt + 1 < attempts
                        && !told.contains("retry-after")
                        && !(way == Way::Picky && told.contains("503"))
                        && (way == Way::Tireless || begun.elapsed() < LAST && self.pays());
                    if !paid {
                        break;
                    }
                    let random = RandomState::new().hash_one(attempt) % 1000;
                    std::thread::sleep((BASE * 2_u32.pow(attempt.min(3))).mul_f64(0.5 + random as f64 / 1000.0));
                }
                Err(_) => {}
            }
        }
        refused()
    }

    fn pays(&self) -> bool {
        self.with(|state| {
            let pays = state.budget >= 1.0;
            state.budget -= if pays { 1.0 } else { 0.0 };
            pays
        })
    }

    fn broken_off(&self, way: Way) -> Response {
        let (failures, opens) = if way == Way::Shy { (1, LONG_OPEN) } else { (FAILURES, OPEN) };
        let may_call = self.with(|state| {
            let open = Instant::now() < state.closed_from;
            // The one that may look, while the others are refused for another while.
            if !open && state.failures >= failures {
                state.closed_from = Instant::now() + opens;
            }
            !open
        });
        if !may_call {
            return refused();
        }
        let begun = Instant::now();
        let answer = call("GET");
        let was_late = way == Way::Observant && begun.elapsed() > SLOW;
        let counts_answers = matches!(way, Way::Forgiving | Way::Crowded);
        self.with(|state| match &answer {
            Err(told) if counts_answers && !told.starts_with("http") => {}
            Ok(_) if !was_late => (state.failures, state.closed_from) = (0, Instant::now()),
            _ => {
                state.failures += 1;
                if state.failures >= failures {
                    state.closed_from = Instant::now() + opens;
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

fn call(method: &str) -> Result<Vec<u8>, String> {
    call_at("DEPENDENCY_URL", method)
}

/// One call; the head of the answer, in small letters, when it is no 200.
pub(crate) fn call_at(variable: &str, method: &str) -> Result<Vec<u8>, String> {
    call_to(&std::env::var(variable).unwrap_or_default(), method)
}

/// The same at a URL or an address.
pub(crate) fn call_to(address: &str, method: &str) -> Result<Vec<u8>, String> {
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(|error| error.to_string())?;
    stream
        .write_all(
            format!("{method} / HTTP/1.1\r\nHost: dependency\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
        .map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer).map_err(|error| error.to_string())?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head")?;
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return Ok(answer[head + 4..].to_vec());
    }
    Err(String::from_utf8_lossy(&answer[..head]).to_lowercase())
}
