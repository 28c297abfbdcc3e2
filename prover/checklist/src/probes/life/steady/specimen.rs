//! Servers for `life.steady` and `prove.soak` that are examined under a steady load: one that keeps nothing, and those that keep something of each request.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};

/// What a leaking specimen keeps of each request, in bytes.
const LEAK: usize = 64 * 1024;
/// It opens a file at every so many requests: the usual limit of 1,024 must outlive the examination.
const OPENED_EVERY: u64 = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Memory,
    Descriptors,
}

/// It keeps nothing.
pub(crate) const GOOD: Server = Server::new("steady-good", |port| keep(Keeps::Nothing, port));

/// It keeps a descriptor of every eighth request.
pub(crate) const LEAKS_DESCRIPTORS: Server =
    Server::new("steady-leaks-descriptors", |port| keep(Keeps::Descriptors, port));

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.is_unknown("keeps nothing in memory; where it keeps data is not declared"),
    Server::new("steady-leaks-memory", |port| keep(Keeps::Memory, port)).falls_short("keeps memory of each request"),
];

fn keep(keeps: Keeps, port: u16) -> ! {
    let (kept, opened) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let served = AtomicU64::new(0);
    serve(port, move |_| {
        match keeps {
            // Written, or its pages would not be resident.
            Keeps::Memory => kept.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1_u8; LEAK]),
            Keeps::Descriptors if served.fetch_add(1, Relaxed).is_multiple_of(OPENED_EVERY) => {
                opened.lock().unwrap_or_else(PoisonError::into_inner).extend(File::open("/dev/null"));
            }
            Keeps::Nothing | Keeps::Descriptors => {}
        }
        Response::new(200, "text/plain", "hello")
    })
}
