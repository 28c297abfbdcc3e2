//! Specimens with two routes, each of which does 100 requests a second: the places that one may take of the other are what they are about.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::specimen::Server;
use crate::specimen::server::{Response, serve};

/// Places of each route.
const EACH: usize = 4;
/// Duration of the work of one request.
const TAKES: Duration = Duration::from_millis(40);

/// The places of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// Each route has its own.
    Own,
    /// Both routes have all of them.
    Shared,
    /// Each route has its own, and takes free ones of the other when these are taken.
    Lent,
}

/// Each route has its own places.
pub(crate) const OWN: Server = Server::new("partitions-own", |port| work(Places::Own, port));

/// Works on `/search` and on every other path but `/`, and refuses at once what finds no place.
pub(crate) fn work(places: Places, port: u16) -> ! {
    let taken = Arc::new(Mutex::new([0_usize; 2]));
    serve(port, move |request| {
        if request.path == "/" {
            return done();
        }
        let own = usize::from(request.path == "/search");
        let Some(place) = take(&taken, places, own) else {
            return Response::new(503, "text/plain", "full").header("Retry-After", "1");
        };
        std::thread::sleep(TAKES);
        taken.lock().unwrap_or_else(PoisonError::into_inner)[place] -= 1;
        done()
    })
}

/// Takes a place, and returns to which route it belongs.
fn take(taken: &Mutex<[usize; 2]>, places: Places, own: usize) -> Option<usize> {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let place = match places {
        Places::Own => (taken[own] < EACH).then_some(own),
        Places::Shared => (taken[0] < 2 * EACH).then_some(0),
        Places::Lent => [own, 1 - own].into_iter().find(|route| taken[*route] < EACH),
    }?;
    taken[place] += 1;
    Some(place)
}

fn done() -> Response {
    Response::new(200, "text/plain", "done")
}
