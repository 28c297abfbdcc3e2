//! The servers that several probes of chapter `border` examine: one sound server, the same with one flaw each, and one
//! without any defence.

use self::flaw::Flaw;
use crate::specimen::Server;
use crate::specimen::server::{Response, serve};

pub(crate) mod classes;
mod connection;
mod description;
pub(crate) mod flaw;
mod framing;
mod journal;
pub(crate) mod loaded;
pub(crate) mod partitions;
mod things;

/// It does all that the probes of this chapter look at.
pub(crate) const SOUND: Server = Server::new("border-sound", |port| things_with(Flaw::None, port));

/// No limits, no patience, no problem documents, nothing about caching.
pub(crate) const PLAIN: Server = Server::new("border-plain", |port| {
    serve(port, |request| match request.path.split('?').next() {
        Some("/") => Response::new(200, "text/html", "<p>plain</p>"),
        _ => Response::new(404, "text/html", "<p>nothing in /var/www/plain</p>"),
    })
});

/// Forgets idempotency keys at once.
pub(crate) const FORGETS_KEYS: Server = Server::new("border-forgets-keys", |port| things_with(Flaw::ForgetsKeys, port));

/// Accepts every size, count and framing.
pub(crate) const UNLIMITED: Server = Server::new("border-unlimited", |port| things_with(Flaw::Unlimited, port));

/// Takes 40 connections in all, and leaves the others waiting.
pub(crate) const STARVES: Server = Server::new("border-starves", |port| things_with(Flaw::Starves, port));

/// Serves the things, with one flaw.
pub(crate) fn things_with(flaw: Flaw, port: u16) -> ! {
    connection::serve(port, flaw)
}
