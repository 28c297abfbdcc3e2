//! Servers for `web.headers`.

use crate::probes::border::specimen::PLAIN;
use crate::probes::web::specimen::{Flaw, GOOD, guard};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("sends the headers with errors too"),
    Server::new("web-bare-errors", |port| guard(Flaw::BareErrors, port))
        .falls_short("its errors come without the headers"),
    Server::new("web-unsafe-inline", |port| guard(Flaw::UnsafeInline, port)).falls_short("scripts in the page may run"),
    PLAIN.falls_short("sends none of the headers"),
];
