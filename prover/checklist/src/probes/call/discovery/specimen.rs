//! Servers for `call.discovery`: a service that looks the name in `DEPENDENCY_URL` up at the resolver that it names.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clause::call::discovery as clause;
use crate::probes::call::specimen::DEPENDENCY;
use crate::probes::call::specimen::protected::call_to;
use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("looks-up-each", |port| look_up(Way::Each, port))
        .holds_but_for(&[clause::LOOKUP], "looks the name up for each call, and keeps the last good address"),
    Server::new("looks-up-and-forgets", |port| look_up(Way::Forgets, port))
        .falls_short("follows the name, and fails while it is not found")
        .liar(),
    Server::new("looks-up-once", |port| look_up(Way::Once, port))
        .falls_short("looks the name up for its first call only"),
    DEPENDENCY.is_called(),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Each,
    Forgets,
    Once,
}

const PATIENCE: Duration = Duration::from_millis(300);

/// A name, its port and who resolves it; an address has no resolver.
struct Target {
    host: String,
    port: u16,
    resolver: Option<String>,
}

impl Target {
    fn of_environment() -> Option<Self> {
        let url = std::env::var("DEPENDENCY_URL").ok()?;
        let (authority, query) = url.trim_start_matches("http://").split_once('/').unwrap_or((url.as_str(), ""));
        let authority = authority.trim_start_matches("http://");
        let (host, port) = authority.split_once(':')?;
        let resolver = query.strip_prefix("?resolver=").map(str::to_owned);
        Some(Self { host: host.to_owned(), port: port.parse().ok()?, resolver })
    }

    fn resolve(&self) -> Option<Ipv4Addr> {
        match &self.resolver {
            None => self.host.parse().ok(),
            Some(resolver) => ask(resolver, &self.host),
        }
    }
}

fn look_up(way: Way, port: u16) -> ! {
    let target = Target::of_environment();
    let last: Mutex<Option<Ipv4Addr>> = Mutex::default();
    serve(port, move |request| match (request.path.as_str(), &target) {
        ("/", _) => Response::new(200, "text/plain", "hello"),
        ("/price", Some(target)) => {
            let known = *last.lock().unwrap_or_else(PoisonError::into_inner);
            let address = match (way, known) {
                (Way::Once, Some(known)) => Some(known),
                (Way::Each, known) => target.resolve().or(known),
                (Way::Forgets | Way::Once, _) => target.resolve(),
            };
            *last.lock().unwrap_or_else(PoisonError::into_inner) = address;
            match address.map(|address| call_to(&format!("{address}:{}", target.port), "GET")) {
                Some(Ok(body)) => Response::new(200, "application/json", body),
                _ => Response::new(503, "text/plain", "no price now"),
            }
        }
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

/// Asks for the first address of a name (RFC 1035, 4.1).
fn ask(resolver: &str, name: &str) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).ok()?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send_to(&query, resolver).ok()?;
    let mut answer = [0; 512];
    let (length, _) = socket.recv_from(&mut answer).ok()?;
    let answer = &answer[..length];
    let is_found = answer.len() > query.len() && answer[3] & 15 == 0 && answer[7] > 0;
    // The question comes back; the answer is a pointer to its name, ten bytes and the address.
    let address: [u8; 4] = answer.get(query.len() + 12..query.len() + 16)?.try_into().ok()?;
    is_found.then(|| Ipv4Addr::from(address))
}
