//! Servers for `border.shed`.

use crate::probes::border::specimen::loaded::{Full, REFUSES, WAITS, work};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    REFUSES.holds("refuses at once with Retry-After"),
    WAITS.falls_short("lets everybody wait"),
    Server::new("loaded-refuses-badly", |port| work(Full::RefuseBadly, port))
        .falls_short("refuses late and without Retry-After")
        .liar(),
    Server::new("loaded-collapses", |port| work(Full::Collapse, port))
        .falls_short("begins anew with each refusal, and does less the more it is asked for"),
    Server::new("loaded-naps", |port| work(Full::Nap, port))
        .falls_short("refuses everybody for long after the load has fallen"),
];
