//! Servers for `border.criticality`.

use crate::clause::border::criticality as clause;
use crate::probes::border::specimen::classes::{Next, ORDERED, serve};
use crate::probes::border::specimen::loaded::REFUSES;
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    ORDERED.holds("serves the most critical requests first, and clients in turn"),
    REFUSES.falls_short("refuses requests of all classes and clients alike"),
    Server::new("classes-claimed", |port| serve(Next::Claimed, port))
        .falls_short("takes a request for critical when its header says so")
        .liar(),
    Server::new("classes-greedy", |port| serve(Next::Greedy, port))
        .falls_short("serves requests of one class in the order in which they came"),
    Server::new("classes-upside-down", |port| serve(Next::UpsideDown, port))
        .falls_short("serves the least critical requests first"),
    Server::new("classes-undeclared", |port| serve(Next::Classless, port))
        .holds_but_for(&[clause::LEAST_FIRST], "serves clients in turn, and has no classes"),
];
