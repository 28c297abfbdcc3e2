//! Servers for the probe of work that computes: a service with a route that keeps a processor for a while, in one way or another.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One at a time, so many wait, the rest is refused.
    Pooled,
    /// One at a time, and all others wait.
    Endless,
    /// In the one loop that everything is answered by.
    Inline,
    /// As many at a time as there are, and a limit on how many a second.
    Rationed,
    /// It waits and computes nothing.
    Idle,
}

/// Duration of a piece of work.
const WORK: Duration = Duration::from_millis(10);
/// Pieces of work a second where they are rationed: fewer than one after the other would be, also on a busy machine. Each is so
/// many times the usual one.
const RATION: f64 = 10.0;
const RATIONED: u32 = 4;
/// Pieces of work inside where there is a bound.
const INSIDE: u32 = 8;

/// Turns in the order of arrival.
struct Turns {
    /// The next ticket, and the one whose turn it is.
    tickets: Mutex<(u64, u64)>,
    changed: Condvar,
}

static TURNS: Turns = Turns { tickets: Mutex::new((0, 0)), changed: Condvar::new() };
/// Rest of the ration, and the time since which it grows.
static LEFT: Mutex<(f64, Option<Instant>)> = Mutex::new((1.0, None));
static WORKING: AtomicU32 = AtomicU32::new(0);

impl Turns {
    fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut tickets = self.tickets.lock().expect("no holder panics");
        let mine = tickets.0;
        tickets.0 += 1;
        while tickets.1 != mine {
            tickets = self.changed.wait(tickets).expect("no holder panics");
        }
        drop(tickets);
        let done = work();
        self.tickets.lock().expect("no holder panics").1 += 1;
        self.changed.notify_all();
        done
    }
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("heavy-pooled", |port| compute_in(Way::Pooled, port))
        .holds("computes one at a time, lets so many wait and refuses the rest"),
    Server::new("heavy-endless", |port| compute_in(Way::Endless, port))
        .falls_short("computes one at a time, and all others wait"),
    Server::new("heavy-inline", |port| compute_in(Way::Inline, port))
        .falls_short("computes in the one loop that everything is answered by"),
    Server::new("heavy-rationed", |port| compute_in(Way::Rationed, port))
        .is_unknown("computes all admitted requests at once, and a rate limit refuses the rest")
        .liar(),
    Server::new("heavy-idle", |port| compute_in(Way::Idle, port)).is_unknown("waits and computes nothing"),
];

fn compute_in(way: Way, port: u16) -> ! {
    serve(port, move |request| answer(request, way))
}

fn answer(request: &Request, way: Way) -> Response {
    let heavy = request.path.starts_with("/heavy");
    let done = || Response::new(200, "text/plain", if heavy { "done" } else { "hello" });
    match way {
        Way::Inline => TURNS.take(|| {
            if heavy {
                compute();
            }
            done()
        }),
        _ if !heavy => done(),
        Way::Idle => {
            std::thread::sleep(WORK);
            done()
        }
        Way::Rationed if !is_let_in() => Response::new(429, "text/plain", "too many"),
        Way::Rationed => {
            (0..RATIONED).for_each(|_| compute());
            done()
        }
        Way::Endless => TURNS.take(|| {
            compute();
            done()
        }),
        Way::Pooled => {
            let response = if WORKING.fetch_add(1, Ordering::Relaxed) < INSIDE {
                TURNS.take(|| {
                    compute();
                    done()
                })
            } else {
                Response::new(503, "text/plain", "later").header("Retry-After", "1")
            };
            WORKING.fetch_sub(1, Ordering::Relaxed);
            response
        }
    }
}

fn is_let_in() -> bool {
    let mut left = LEFT.lock().expect("no holder panics");
    let now = Instant::now();
    let more = left.1.map_or(0.0, |since| now.duration_since(since).as_secs_f64() * RATION);
    *left = ((left.0 + more).min(1.0), Some(now));
    let is_let_in = left.0 >= 1.0;
    left.0 -= if is_let_in { 1.0 } else { 0.0 };
    is_let_in
}

fn compute() {
    let begun = Instant::now();
    while begun.elapsed() < WORK {
        std::hint::spin_loop();
    }
}
