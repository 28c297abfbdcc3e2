//! Specimens that work on four requests at a time and let a few more wait: the choice of the next one is what they are about.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::specimen::Server;
use crate::specimen::server::{Request, Response, serve_connection};

/// With [`TAKES`] this makes 100 requests a second.
const AT_A_TIME: usize = 4;
/// Duration of the work of one request.
const TAKES: Duration = Duration::from_millis(40);
/// The longest that a request waits for a place.
const WAITS: Duration = Duration::from_millis(120);
/// The most that wait.
const WAITING: usize = 64;

/// The choice of the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The most critical one by its path, and of these the one of the client that was served longest ago.
    Ordered,
    /// The most critical one by its path, and of these the one that came first.
    Greedy,
    /// As [`Next::Ordered`], and a header raises the class.
    Claimed,
    /// The one of the client that was served longest ago.
    Classless,
    /// The least critical one by its path, and of these the one of the client that was served longest ago.
    UpsideDown,
}

/// It chooses by class, and then by client.
pub(crate) const ORDERED: Server = Server::new("classes-ordered", |port| serve(Next::Ordered, port));

#[derive(Debug)]
struct Waiting {
    number: u64,
    class: u8,
    client: IpAddr,
}

#[derive(Debug, Default)]
struct Room {
    working: usize,
    came: u64,
    served: u64,
    waiting: Vec<Waiting>,
    /// Turn in which each client was served last, as a number that rises; bounded by the addresses of the loopback that keel uses.
    last: HashMap<IpAddr, u64>,
}

#[derive(Debug, Default)]
struct Places {
    room: Mutex<Room>,
    changed: Condvar,
}

/// Works on every path but `/`.
pub(crate) fn serve(next: Next, port: u16) -> ! {
    let places = Arc::new(Places::default());
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, from)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let places = Arc::clone(&places);
        std::thread::spawn(move || {
            let answer = |request: &Request| match request.path.as_str() {
                "/" => done(),
                _ => places.work(next, class(next, request), from.ip()),
            };
            let _ = serve_connection(stream, &answer);
        });
    }
}

fn class(next: Next, request: &Request) -> u8 {
    let claims = next == Next::Claimed && request.header("criticality") == Some("critical");
    match request.path.as_str() {
        _ if next == Next::Classless => 1,
        "/critical" => 2,
        _ if claims => 2,
        "/sheddable" => 0,
        _ => 1,
    }
}

impl Places {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, next: Next, class: u8, client: IpAddr) -> Response {
        let since = Instant::now();
        let mut room = self.room();
        room.came += 1;
        let number = room.came;
        room.waiting.push(Waiting { number, class, client });
        room.drop_one_too_many(next);
        self.changed.notify_all();
        loop {
            if !room.waits(number) {
                return refusal();
            }
            if room.working < AT_A_TIME && room.next(next) == Some(number) {
                break;
            }
            let left = WAITS.saturating_sub(since.elapsed());
            if left.is_zero() {
                room.waiting.retain(|one| one.number != number);
                self.changed.notify_all();
                return refusal();
            }
            room = self.changed.wait_timeout(room, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        room.waiting.retain(|one| one.number != number);
        room.working += 1;
        room.served += 1;
        let served = room.served;
        room.last.insert(client, served);
        drop(room);
        std::thread::sleep(TAKES);
        self.room().working -= 1;
        self.changed.notify_all();
        done()
    }
}

impl Room {
    fn waits(&self, number: u64) -> bool {
        self.waiting.iter().any(|one| one.number == number)
    }

    /// The request that is worked on next; the one with the highest rank.
    fn next(&self, next: Next) -> Option<u64> {
        self.waiting.iter().max_by_key(|one| self.rank(next, one)).map(|one| one.number)
    }

    fn rank(&self, next: Next, one: &Waiting) -> (u8, Reverse<u64>, Reverse<u64>) {
        let last = self.last.get(&one.client).copied().unwrap_or_default();
        let class = if next == Next::UpsideDown { 2 - one.class } else { one.class };
        let client = if next == Next::Greedy { 0 } else { last };
        (class, Reverse(client), Reverse(one.number))
    }

    /// Leaves out the one with the lowest rank when too many wait.
    fn drop_one_too_many(&mut self, next: Next) {
        if self.waiting.len() <= WAITING {
            return;
        }
        let lowest = self.waiting.iter().min_by_key(|one| self.rank(next, one)).map(|one| one.number);
        self.waiting.retain(|one| Some(one.number) != lowest);
    }
}

fn refusal() -> Response {
    Response::new(503, "text/plain", "full").header("Retry-After", "1")
}

fn done() -> Response {
    Response::new(200, "text/plain", "done")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_most_critical_request_of_the_client_served_longest_ago_is_next() {
        let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let waiting = [(1, 1, ADDRESS), (2, 1, other), (3, 0, other)];
        let mut room = Room {
            waiting: waiting.map(|(number, class, client)| Waiting { number, class, client }).into(),
            last: HashMap::from([(ADDRESS, 5)]),
            ..Room::default()
        };
        assert_eq!(room.next(Next::Ordered), Some(2));
        assert_eq!(room.next(Next::Greedy), Some(1));
        assert_eq!(room.next(Next::UpsideDown), Some(3));
        room.waiting.push(Waiting { number: 4, class: 2, client: ADDRESS });
        assert_eq!(room.next(Next::Ordered), Some(4));
    }
}
