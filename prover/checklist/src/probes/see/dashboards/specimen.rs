//! Files for `see.dashboards`, beside one server.

use crate::probes::border::specimen::PLAIN;
use crate::probes::see::ops_specimen::{BLIND, GOOD};
use crate::probes::see::specimen::{Flaw, tell};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("its panels name its metrics, and its check compares them with the code"),
    Server::new("ops-renamed-panel", |port| tell(Flaw::None, port))
        .falls_short("has a panel of a metric that was renamed")
        .liar(),
    Server::new("ops-by-hand", |port| tell(Flaw::None, port)).falls_short("has rules that were changed by hand"),
    Server::new("ops-blind-to-dashboards", |port| tell(Flaw::None, port))
        .falls_short("its check compares the rules alone")
        .liar(),
    BLIND.falls_short("its check compares nothing"),
    PLAIN.is_unknown("has no files that are declared"),
];
