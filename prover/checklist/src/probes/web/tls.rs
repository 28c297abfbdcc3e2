//! `web.tls`: TLS 1.2 and 1.3 alone, certificates that are replaced while it serves, a plain port that only redirects, and HSTS.
//!
//! - **Hypothesis**: a hello that offers TLS 1.0 or 1.1 at most is refused; answers over TLS carry Strict-Transport-Security of at least 180 days; the plain
//!   port answers nothing but redirects to https and refusals; after the command that replaces the certificate, new connections get the new one, and none fails.
//! - **Sent**: hellos of TLS 1.0, 1.1 and 1.2; GET of `/` and of a path that does not exist; the same GET, and a POST without a body, on the plain port;
//!   connections one after another, each with a GET of `/`, while the command runs.
//! - **Decides**: a server hello of an old version; an answer without HSTS; an answer below 300 on the plain port, or a redirect elsewhere; a connection that
//!   fails while the certificate is replaced, or the old certificate 60 s later. The plain port and the command must be declared (`plain` and
//!   `renew_certificate` of `[service]`). Weak suites and the chain are not examined; the version that a new client gets is a figure.
//! - **Control**: a hello of TLS 1.2 of the same shape is answered; the path that the plain port is asked for is answered over TLS; before the command all
//!   connections succeed, with one certificate.
//! - **Blast radius**: the certificate is replaced once.
//! - **Bound in time**: seven exchanges of at most 5 s each, and 60 s after the command.

mod hello;
#[cfg(test)]
mod judge_tests;
mod redirect;
mod reload;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use std::time::Duration;

use keel_wire::http::{Exchange, Request};

use self::hello::Reply;
use crate::clause::web::tls as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::{Recipe, Shows};

const ID: &str = "web.tls";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The bound of one exchange.
const EACH: Duration = Duration::from_secs(5);
/// A path that no service has.
const NOWHERE: &str = "/keel-probe-nothing-is-here-41c7d20e";
/// The least HSTS, in seconds: 180 days.
const LEAST_HSTS: u64 = 180 * 86_400;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    if lab.subject.url.scheme() != "https" {
        let reason =
            "the service is examined over plain HTTP: say `url = \"https://…\"` with `ca`, where it serves TLS itself";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let mut evidence = versions(lab).await;
    evidence.extend(hsts(lab).await);
    evidence.push(redirect::examine(lab).await);
    evidence.push(reload::examine(lab).await);
    Finding::judge(ID, evidence)
}

/// Offers old versions.
async fn versions(lab: &Lab) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    match reload::Shown::look(lab).await {
        Ok(shown) => {
            evidence.push(clause::VERSIONS.figure(format!("a client of both versions gets {}", shown.version)))
        }
        Err(error) => evidence.push(clause::VERSIONS.gap(format!("no connection of TLS could be made: {error}"))),
    }
    let mut replies = Vec::new();
    for version in [hello::TLS10, hello::TLS11, hello::TLS12] {
        replies.push(hello::offer(&lab.subject.url, version, EACH).await);
    }
    evidence.push(judge_versions(&replies));
    evidence
}

/// Judges the replies to hellos of TLS 1.0, 1.1 and 1.2.
fn judge_versions(replies: &[Reply]) -> Evidence {
    let [first, second, control] = replies else { return clause::VERSIONS.gap("not all versions were offered") };
    for (name, reply) in [("TLS 1.0", first), ("TLS 1.1", second)] {
        if *reply == Reply::Taken {
            return clause::VERSIONS.contradicts(format!("a client that offers {name} at most is taken"));
        }
    }
    let control = Control::seen(
        *control == Reply::Taken,
        "the same hello for TLS 1.2 is taken",
        "the same hello for TLS 1.2 is not taken, so the refusal of older ones says nothing: a server of TLS 1.3 alone cannot be told apart",
    );
    match (control, first, second) {
        (Err(failed), ..) => clause::VERSIONS.uncontrolled(&failed),
        (Ok(control), Reply::Refused, Reply::Refused) => {
            clause::VERSIONS.holds("hellos of TLS 1.0 and 1.1 are refused").by(&control)
        }
        _ => clause::VERSIONS.gap("a hello of TLS 1.0 or 1.1 was neither taken nor refused in time"),
    }
}

async fn hsts(lab: &Lab) -> Vec<Evidence> {
    let client = lab.http().with_timeout(EACH);
    let mut evidence = Vec::new();
    for path in ["/", NOWHERE] {
        evidence.push(judge_hsts(&client.send(Request::get(path)).await));
    }
    evidence
}

fn judge_hsts(exchange: &Exchange) -> Evidence {
    let path = &exchange.request.path;
    let Some(answer) = exchange.answer() else {
        return clause::HSTS.gap(format!("{path} was not answered")).with(exchange);
    };
    let status = answer.status.as_u16();
    let field = answer.header("strict-transport-security");
    let age = field.split(';').filter_map(|part| part.trim().split_once('=')).find_map(|(name, value)| {
        name.trim()
            .eq_ignore_ascii_case("max-age")
            .then(|| value.trim().trim_matches('"').parse::<u64>().ok())
            .flatten()
    });
    let shows = Shows::Missing(r"(?im)^strict-transport-security:.*max-age".to_owned());
    let piece = match age {
        Some(age) if age >= LEAST_HSTS => {
            clause::HSTS.holds(format!("{path} ({status}) has Strict-Transport-Security of {} days", age / 86_400))
        }
        Some(age) => clause::HSTS.contradicts(format!(
            "{path} ({status}) has Strict-Transport-Security of {} days, fewer than 180",
            age / 86_400
        )),
        None => clause::HSTS
            .contradicts(format!("{path} ({status}) has no Strict-Transport-Security"))
            .reproduced_by(Recipe::again(exchange, shows)),
    };
    piece.with(exchange)
}
