//! Servers for `web.cookies`.

use crate::probes::web::specimen::{Flaw, GOOD, OPEN_COOKIE, guard};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("its cookie is bound to this host"),
    OPEN_COOKIE.falls_short("scripts can read its session cookie"),
    Server::new("web-no-cookie", |port| guard(Flaw::NoCookie, port)).does_not_apply("sets no cookie"),
];
