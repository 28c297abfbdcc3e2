//! Servers for `prove.load`. Both do 100 requests a second: the declared load decides what becomes of the rest.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::probes::border::specimen::loaded::{REFUSES, WAITS};
use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    WAITS.falls_short("lets everybody wait, beyond the declared latency"),
    REFUSES.falls_short("refuses more than the declared share").liar(),
    Server::new("loaded-once", serve_once).holds("conflicts with every key that it has seen"),
];

/// Conflicts with every key that it has seen.
fn serve_once(port: u16) -> ! {
    let seen = Mutex::new(HashSet::new());
    serve(port, move |request| match request.header("Idempotency-Key") {
        Some(key) if !seen.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned()) => {
            Response::new(409, "text/plain", "again")
        }
        _ => Response::new(200, "text/plain", "done"),
    })
}
