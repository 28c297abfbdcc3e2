//! Specimens that are examined under a steady load: one that keeps nothing, and those that keep something of each request.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::server::{Response, serve};

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

/// Runs the specimen called `name` on `port` until it is killed; false when it is not one of these.
pub(crate) fn run(name: &str, port: u16) -> bool {
    let keeps = match name {
        "steady-good" => Keeps::Nothing,
        "steady-leaks-memory" => Keeps::Memory,
        "steady-leaks-descriptors" => Keeps::Descriptors,
        _ => return false,
    };
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
