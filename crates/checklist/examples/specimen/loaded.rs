//! Specimens that do so much at a time and no more: what they do with the rest is what they are about.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::server::{Response, serve};

/// With [`TAKES`] this makes 40 requests a second.
const AT_A_TIME: usize = 4;
/// How long the work of one request takes.
const TAKES: Duration = Duration::from_millis(100);
/// What a request that waits holds, for those that hoard.
const HELD: usize = 512 * 1024;

/// What becomes of a request that finds no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// 503 with Retry-After, at once.
    Refuse,
    /// 503 at once, and nobody is told when to come again.
    RefuseBarely,
    /// 503 after as long as the work would have taken.
    RefuseLate,
    /// It waits, however many do, and holds memory meanwhile.
    Wait,
    /// As [`Full::Refuse`], and each refusal leaks.
    Leak,
}

/// Places to work in.
#[derive(Debug, Default)]
struct Places {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// Runs the specimen called `name` on `port` until it is killed; false when it is not one of these.
pub(crate) fn run(name: &str, port: u16) -> bool {
    let full = match name {
        "loaded-refuses" => Full::Refuse,
        "loaded-refuses-barely" => Full::RefuseBarely,
        "loaded-refuses-late" => Full::RefuseLate,
        "loaded-waits" => Full::Wait,
        "loaded-leaks" => Full::Leak,
        _ => return false,
    };
    let places = Places::default();
    serve(port, move |request| if request.path == "/" { done() } else { places.work(full) })
}

impl Places {
    fn work(&self, full: Full) -> Response {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken == AT_A_TIME && full != Full::Wait {
            drop(taken);
            return refuse(full);
        }
        let held = if full == Full::Wait { vec![1u8; HELD] } else { Vec::new() };
        while *taken == AT_A_TIME {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += 1;
        drop(taken);
        std::thread::sleep(TAKES);
        drop(std::hint::black_box(held));
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.freed.notify_one();
        done()
    }
}

fn refuse(full: Full) -> Response {
    match full {
        Full::RefuseLate => std::thread::sleep(TAKES),
        Full::Leak => std::mem::forget(std::hint::black_box(vec![1u8; HELD])),
        Full::Refuse | Full::RefuseBarely | Full::Wait => {}
    }
    let refusal = Response::new(503, "text/plain", "full");
    if full == Full::RefuseBarely { refusal } else { refusal.header("Retry-After", "1") }
}

fn done() -> Response {
    Response::new(200, "text/plain", "done")
}
