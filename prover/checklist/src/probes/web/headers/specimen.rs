//! Servers for `web.headers`.

use crate::probes::border::specimen::PLAIN;
use crate::probes::web::specimen::{Flaw, GOOD, guard};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("sends the headers with errors too"),
    Server::new("web-bare-errors", |port| guard(Flaw::BareErrors, port))
        .falls_short("its errors come without the headers")
        .liar(),
    Server::new("web-unsafe-inline", |port| guard(Flaw::UnsafeInline, port)).falls_short("scripts in the page may run"),
    Server::new("web-bare-writes", |port| guard(Flaw::BareWrites, port))
        .falls_short("its answers to writes come without the headers"),
    Server::new("web-nonce", |port| guard(Flaw::Nonce, port))
        .holds("allows scripts by a nonce, beside `unsafe-inline` for browsers that do not know one"),
    PLAIN.falls_short("sends none of the headers"),
];
