//! The probes, one room each, keyed by the attribute's id. Each chapter lists its own.
//!
//! Chapter `plan` has none: what people hold is what they attest, see [`crate::decision`].

use futures_util::future::BoxFuture;

use crate::finding::Finding;
use crate::lab::Lab;

pub mod access;
pub mod border;
pub mod call;
pub mod data;
pub mod life;
pub mod prove;
pub mod see;
pub mod ship;
pub mod web;

mod descriptors;
mod listener;
mod offered;
pub(crate) mod overload;
mod repository;
mod sockets;
mod steadiness;
mod tokens;

/// What examines one attribute.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The attribute's id.
    pub id: &'static str,
    /// What it expects to see, as a sentence.
    pub hypothesis: &'static str,
    /// Examines the running subject; may break it, the lab mends it afterwards. Bounded in time by its own limits.
    pub examine: for<'l> fn(&'l mut Lab) -> BoxFuture<'l, Finding>,
}

/// All probes, chapter by chapter, in the order in which they run: those that only look before those that break things.
pub fn all() -> Vec<Probe> {
    [
        see::PROBES,
        web::PROBES,
        border::PROBES,
        call::PROBES,
        access::PROBES,
        ship::PROBES,
        prove::PROBES,
        data::PROBES,
        life::PROBES,
    ]
    .concat()
}
