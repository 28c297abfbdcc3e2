//! Specimens that do so much at a time and no more: what they do with the rest is what they are about.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::specimen::Server;
use crate::specimen::server::{Response, serve};

/// With [`TAKES`] this makes 100 requests a second.
const AT_A_TIME: usize = 4;
/// Duration of the work of one request.
const TAKES: Duration = Duration::from_millis(40);
/// Memory that a waiting request holds, for those that hoard.
const HELD: usize = 512 * 1024;
/// Maximum number of times that work begins anew, for those that refusals disturb.
const DISTURBED: usize = 9;
/// Number of refusals from which it naps, for those that do, once a moment has passed without a refusal.
const TIRED: usize = 300;
/// The moment.
const CALM: Duration = Duration::from_millis(200);
/// Duration of a nap.
const NAP: Duration = Duration::from_secs(30);

/// Treatment of a request that finds no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// 503 with Retry-After, at once.
    Refuse,
    /// 503 after several times as long as the work would have taken, and without a hint to come again.
    RefuseBadly,
    /// It waits, however many do, and holds memory meanwhile.
    Wait,
    /// As [`Full::Refuse`], and each refusal leaks.
    Leak,
    /// As [`Full::Refuse`], and what is under way begins anew.
    Collapse,
    /// As [`Full::Refuse`], and when the load has gone it refuses everybody for long.
    Nap,
}

/// Places to work in.
#[derive(Debug, Default)]
struct Places {
    room: Mutex<Room>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Room {
    taken: usize,
    refused: usize,
    last_refusal: Option<Instant>,
    naps_until: Option<Instant>,
}

/// It refuses at once.
pub(crate) const REFUSES: Server = Server::new("loaded-refuses", |port| work(Full::Refuse, port));

/// It lets everybody wait.
pub(crate) const WAITS: Server = Server::new("loaded-waits", |port| work(Full::Wait, port));

/// Works on every path but `/`, and does this with the rest.
pub(crate) fn work(full: Full, port: u16) -> ! {
    let places = Places::default();
    serve(port, move |request| if request.path == "/" { done() } else { places.work(full) })
}

impl Places {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, full: Full) -> Response {
        let mut room = self.room();
        if full == Full::Nap && room.naps() {
            return refuse(full);
        }
        if room.taken == AT_A_TIME && full != Full::Wait {
            room.refused += 1;
            room.last_refusal = Some(Instant::now());
            drop(room);
            return refuse(full);
        }
        let held = if full == Full::Wait { vec![1u8; HELD] } else { Vec::new() };
        while room.taken == AT_A_TIME {
            room = self.freed.wait(room).unwrap_or_else(PoisonError::into_inner);
        }
        room.taken += 1;
        let mut refused = room.refused;
        drop(room);
        std::thread::sleep(TAKES);
        for _ in 0..DISTURBED {
            let now = self.room().refused;
            if full != Full::Collapse || now == refused {
                break;
            }
            refused = now;
            std::thread::sleep(TAKES);
        }
        drop(std::hint::black_box(held));
        self.room().taken -= 1;
        self.freed.notify_one();
        done()
    }
}

impl Room {
    /// Returns true if it naps, or begins to.
    fn naps(&mut self) -> bool {
        let calm = self.last_refusal.is_some_and(|last| last.elapsed() > CALM);
        if self.refused >= TIRED && calm && self.naps_until.is_none() {
            self.naps_until = Some(Instant::now() + NAP);
        }
        self.naps_until.is_some_and(|until| Instant::now() < until)
    }
}

fn refuse(full: Full) -> Response {
    match full {
        Full::RefuseBadly => std::thread::sleep(5 * TAKES),
        Full::Leak => std::mem::forget(std::hint::black_box(vec![1u8; HELD])),
        _ => {}
    }
    let refusal = Response::new(503, "text/plain", "full");
    if full == Full::RefuseBadly { refusal } else { refusal.header("Retry-After", "1") }
}

fn done() -> Response {
    Response::new(200, "text/plain", "done")
}
