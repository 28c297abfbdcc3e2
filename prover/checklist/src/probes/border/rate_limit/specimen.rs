//! Servers for `border.rate-limit`, which limit how often an address may ask, soundly or with one flaw.

use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::clause::border::rate_limit as clause;
use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Response, serve_connection};
use crate::specimen::{Server, Specimen};

/// Requests of one address in a window.
const ALLOWED: usize = 50;
const WINDOW: Duration = Duration::from_secs(2);

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// One limit for everybody.
    Shared,
    /// One limit for everybody that frees a place at every moment.
    Trickles,
    /// Refuses with 503.
    Unavailable,
    /// Does not say when to come again.
    Silent,
    /// Says a wait after which it still refuses.
    Lies,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("border-rate-limit", |port| limit(Flaw::None, port)).holds_but_for(
        &[clause::BY_IDENTITY, clause::STRICT_PATHS, clause::PER_ROUTE],
        "refuses 429 and says when to come again",
    ),
    PLAIN.falls_short("has no limit"),
    Server::new("border-rate-shared", |port| limit(Flaw::Shared, port))
        .falls_short("has one limit for everybody")
        .liar(),
    Server::new("border-rate-trickles", |port| limit(Flaw::Trickles, port))
        .falls_short("has one limit for everybody that frees a place at every moment")
        .liar(),
    Server::new("border-rate-503", |port| limit(Flaw::Unavailable, port)).falls_short("refuses with 503"),
    Server::new("border-rate-silent", |port| limit(Flaw::Silent, port)).falls_short("does not say when to come again"),
    Server::new("border-rate-lies", |port| limit(Flaw::Lies, port))
        .falls_short("says a wait after which it still refuses"),
];

type Windows = Mutex<HashMap<IpAddr, (Instant, usize)>>;

/// Serves for ever.
fn limit(flaw: Flaw, port: u16) -> ! {
    let windows = Arc::new(Windows::default());
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, from)) = listener.accept() else { continue };
        let windows = Arc::clone(&windows);
        std::thread::spawn(move || {
            let _ = serve_connection(stream, &|_: &_| answer(&windows, from.ip(), flaw));
        });
    }
}

fn answer(windows: &Windows, from: IpAddr, flaw: Flaw) -> Response {
    let is_shared = matches!(flaw, Flaw::Shared | Flaw::Trickles);
    let from = if is_shared { IpAddr::from([0, 0, 0, 0]) } else { from };
    let (window, allowed) = match flaw {
        Flaw::Lies => (20 * WINDOW, ALLOWED),
        Flaw::Trickles => (WINDOW / 20, ALLOWED / 10),
        _ => (WINDOW, ALLOWED),
    };
    let mut windows = windows.lock().expect("no thread panics with it");
    let (since, count) = windows.entry(from).or_insert_with(|| (Instant::now(), 0));
    if since.elapsed() >= window {
        (*since, *count) = (Instant::now(), 0);
    }
    *count += 1;
    if *count <= allowed {
        return Response::new(200, "text/plain", "hello");
    }
    let status = if flaw == Flaw::Unavailable { 503 } else { 429 };
    let refusal = Response::new(status, "text/plain", "too often");
    match flaw {
        Flaw::Silent => refusal,
        _ => refusal.header("Retry-After", &WINDOW.as_secs().to_string()),
    }
}
