//! Servers for `web.robots`.

use crate::probes::web::specimen::{Flaw, GOOD, guard};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("has a text with rules"),
    Server::new("web-robots-is-page", |port| guard(Flaw::RobotsIsPage, port))
        .falls_short("its robots.txt is the page that every path gets"),
    Server::new("web-robots-is-comment", |port| guard(Flaw::RobotsIsComment, port))
        .falls_short("every rule of its robots.txt is a comment")
        .liar(),
    Server::new("web-robots-is-elsewhere", |port| guard(Flaw::RobotsIsElsewhere, port))
        .holds("has a text with rules elsewhere on the same host, where crawlers follow"),
    Server::new("web-no-robots", |port| guard(Flaw::NoRobots, port)).falls_short("has no robots.txt"),
];
