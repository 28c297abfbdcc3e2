//! Servers for `web.cookies`.

use crate::clause::web::cookies as clause;
use crate::probes::web::specimen::{Flaw, GOOD, OPEN_COOKIE, guard};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds_but_for(&[clause::ENCRYPTED, clause::REVOCABLE], "its cookie is bound to this host"),
    Server::new("web-plain-cookie", |port| guard(Flaw::PlainCookie, port)).holds_but_for(
        &[clause::ENCRYPTED, clause::REVOCABLE],
        "writes attributes in small letters and an end as a date",
    ),
    Server::new("web-readable-cookie", |port| guard(Flaw::ReadableCookie, port))
        .falls_short("its well guarded cookie holds state that everybody can read")
        .liar(),
    OPEN_COOKIE.falls_short("scripts can read its session cookie"),
    Server::new("web-no-cookie", |port| guard(Flaw::NoCookie, port)).does_not_apply("sets no cookie"),
];
