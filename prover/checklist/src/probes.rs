//! The probes, one room each: attribute `border.slow-clients` is examined by `probes/border/slow_clients.rs`.
//!
//! A room holds the probe and, in the folder of the same name, its parts, `specimen.rs` (servers on which its verdict is
//! known) and `tests.rs`. The chapter's file lists its probes in the order in which they run. A new probe is these three
//! files, and a `mod` line and a list entry in the chapter's file.
//!
//! `support` and the chapters' own `support` and `specimen` hold what several rooms share. Chapter `plan` has no probes:
//! people attest to its attributes, see [`crate::decision`].

use crate::probe::Probe;
#[cfg(feature = "specimens")]
use crate::specimen::Server;

pub mod access;
pub(crate) mod beside;
pub mod border;
pub mod call;
pub mod data;
pub mod life;
pub mod prove;
pub mod see;
pub mod ship;
pub mod web;

pub(crate) mod support;

/// All probes, chapter by chapter, in the order in which they run: those that only look before those that break things.
pub fn all() -> Vec<Probe> {
    let chapters = [
        see::PROBES,
        web::PROBES,
        border::PROBES,
        call::PROBES,
        access::PROBES,
        ship::PROBES,
        prove::PROBES,
        data::PROBES,
        life::PROBES,
    ];
    beside::in_order(chapters.concat())
}

/// The server of a specimen, by its name.
#[cfg(feature = "specimens")]
pub fn specimen(name: &str) -> Option<Server> {
    let specimens = all().into_iter().flat_map(|probe| probe.specimens);
    specimens.map(|specimen| specimen.server).find(|server| server.name == name)
}
