//! Specimens for the probe of work that computes: a service with a route that keeps a processor for a while, in one way or another.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::server::{Request, Response, serve};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One at a time, so many wait, the rest is refused.
    Pooled,
    /// One at a time, and all others wait.
    Endless,
    /// In the one loop that everything is answered by.
    Inline,
    /// It waits and computes nothing.
    Idle,
}

/// What a piece of work takes.
const WORK: Duration = Duration::from_millis(10);
/// Pieces of work inside where there is a bound.
const INSIDE: u32 = 8;

/// Whoever comes first is first.
struct Turns {
    /// The next ticket, and the one whose turn it is.
    tickets: Mutex<(u64, u64)>,
    changed: Condvar,
}

static TURNS: Turns = Turns { tickets: Mutex::new((0, 0)), changed: Condvar::new() };
static WORKING: AtomicU32 = AtomicU32::new(0);

impl Turns {
    fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut tickets = self.tickets.lock().expect("nobody panics with it");
        let mine = tickets.0;
        tickets.0 += 1;
        while tickets.1 != mine {
            tickets = self.changed.wait(tickets).expect("nobody panics with it");
        }
        drop(tickets);
        let done = work();
        self.tickets.lock().expect("nobody panics with it").1 += 1;
        self.changed.notify_all();
        done
    }
}

/// Runs the specimen called `name` on `port` until it is killed; false when it is not one of these.
pub(crate) fn run(name: &str, port: u16) -> bool {
    let way = match name {
        "heavy-pooled" => Way::Pooled,
        "heavy-endless" => Way::Endless,
        "heavy-inline" => Way::Inline,
        "heavy-idle" => Way::Idle,
        _ => return false,
    };
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

fn compute() {
    let begun = Instant::now();
    while begun.elapsed() < WORK {
        std::hint::spin_loop();
    }
}
