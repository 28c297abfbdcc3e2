//! Servers for `border.bulkhead`.

use crate::probes::border::specimen::partitions::{OWN, Places, work};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    OWN.holds("has places for each route that no other takes"),
    Server::new("partitions-shared", |port| work(Places::Shared, port))
        .falls_short("has places that whichever route comes first takes"),
    Server::new("partitions-lent", |port| work(Places::Lent, port))
        .falls_short("has places for each route, and lends free ones to the other")
        .liar(),
    Server::new("partitions-undeclared", |port| work(Places::Own, port))
        .is_unknown("no request declares its partition"),
];
