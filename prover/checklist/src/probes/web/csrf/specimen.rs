//! Servers for `web.csrf`.

use crate::probes::web::specimen::{Flaw, GOOD, OPEN_COOKIE, guard};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("refuses the forms of foreign pages"),
    Server::new("web-takes-foreign", |port| guard(Flaw::TakesForeign, port)).falls_short("takes writes from any page"),
    Server::new("web-ignores-origin", |port| guard(Flaw::IgnoresOrigin, port))
        .falls_short("looks at `Sec-Fetch-Site` alone, which a browser does not send to plain HTTP")
        .liar(),
    Server::new("web-token", |port| guard(Flaw::Token, port)).holds("knows its forms by a token"),
    Server::new("web-conflicts", |port| guard(Flaw::Conflicts, port))
        .is_unknown("answers forms of other pages with a conflict"),
    Server::new("web-form-again", |port| guard(Flaw::FormAgain, port))
        .is_unknown("answers forms of other pages with its own form again")
        .liar(),
    Server::new("web-lets-scripts", |port| guard(Flaw::LetsScripts, port))
        .falls_short("lets scripts of any page send writes with a session"),
    Server::new("web-public-form", |port| guard(Flaw::PublicForm, port))
        .does_not_apply("takes writes of anybody, without any session"),
    OPEN_COOKIE.holds("refuses the forms of foreign pages, with a session that every site may send"),
];
