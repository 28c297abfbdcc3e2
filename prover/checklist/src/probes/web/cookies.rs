//! `web.cookies`: cookies that neither scripts, nor plain HTTP, nor foreign pages, nor sibling hosts can get at.
//!
//! - **Hypothesis**: each cookie is Secure, HttpOnly, SameSite=Lax or Strict, is called `__Host-…` with Path=/ and without Domain, and is
//!   at most 4096 bytes long.
//! - **Sent**: the mix once, in order, and GET `/`.
//! - **Decides**: a Set-Cookie that lacks one of these, or whose value is readable state: JSON, also in base64, or a JWT, which is
//!   signed and not encrypted. No Set-Cookie in any answer: not applicable. An end that the cookie does not state, what an opaque
//!   value means, and whether a session can be revoked, are gaps.
//! - **Blast radius**: what the mix does.
//! - **Bound in time**: one exchange a request of the mix and one more, each within the service's deadline plus 5 s.

#[cfg(test)]
mod judge_tests;
mod set_cookie;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use keel_wire::http::{Exchange, Request};
use set_cookie::SetCookie;

use crate::clause::Clause;
use crate::clause::web::cookies as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;

const ID: &str = "web.cookies";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most cookies that are examined.
const MAX_COOKIES: usize = 50;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut exchanges = vec![lab.http().send(Request::get("/")).await];
    exchanges.extend(lab.send_mix().await.into_iter().map(|(_, exchange)| exchange));
    let (answered, unanswered): (Vec<&Exchange>, Vec<&Exchange>) =
        exchanges.iter().partition(|exchange| exchange.answer().is_some());
    let mut evidence: Vec<Evidence> = unanswered
        .iter()
        .map(|exchange| Evidence::gap(format!("{} was not answered", asked(exchange))).with(exchange))
        .collect();
    if answered.is_empty() {
        return Finding::unknown(ID, "no request was answered: declare some in [[requests]]", evidence);
    }
    let cookies: Vec<(&Exchange, SetCookie)> =
        answered.iter().flat_map(|exchange| cookies(exchange)).take(MAX_COOKIES).collect();
    if cookies.is_empty() && unanswered.is_empty() {
        let asked: Vec<String> = answered.iter().map(|exchange| asked(exchange)).collect();
        let reason = format!("no cookie is set in any of {} answers", asked.len());
        let asked = Evidence::note(format!("asked without being given a cookie: {}", asked.join(", ")));
        return Finding::not_applicable(ID, reason, vec![asked]);
    }
    if cookies.len() == MAX_COOKIES {
        evidence.push(Evidence::gap(format!("only the first {MAX_COOKIES} cookies were examined")));
    }
    for (exchange, cookie) in &cookies {
        evidence.extend(judge(cookie, exchange));
    }
    evidence.push(
        clause::REVOCABLE.gap("whether the server ends a session was not examined: it needs a login and a logout"),
    );
    Finding::judge(ID, evidence)
}

fn asked(exchange: &Exchange) -> String {
    format!("{} {}", exchange.request.method, exchange.request.path)
}

fn cookies(exchange: &Exchange) -> Vec<(&Exchange, SetCookie)> {
    let Some(answer) = exchange.answer() else { return Vec::new() };
    let headers = answer.headers.get_all("set-cookie").into_iter();
    headers.map(|value| (exchange, SetCookie::parse(&String::from_utf8_lossy(value.as_bytes())))).collect()
}

/// A piece of evidence for each clause that a cookie decides.
fn judge(cookie: &SetCookie, exchange: &Exchange) -> Vec<Evidence> {
    let name = format!("cookie {} of {}", cookie.name(), asked(exchange));
    let faults = cookie.faults();
    let guards =
        [clause::SECURE, clause::HTTP_ONLY, clause::SAME_SITE, clause::HOST_SCOPE, clause::SMALL].map(|clause| {
            let own: Vec<&str> = faults.iter().filter(|(of, _)| *of == clause).map(|(_, fault)| *fault).collect();
            match own.as_slice() {
                [] => clause.holds(format!("{name} is {}", clause.id())),
                own => {
                    let shown = Shows::Found(shown(clause, cookie.name()));
                    let piece = clause.contradicts(format!("{name}: {}", own.join(", "))).with(exchange);
                    piece.reproduced_by(Recipe::again(exchange, shown))
                }
            }
        });
    let encrypted = match cookie.readable() {
        Some(state) => {
            clause::ENCRYPTED.contradicts(format!("{name} holds {state}, which everybody can read")).with(exchange)
        }
        None => clause::ENCRYPTED.gap(format!("what the value of {name} means cannot be seen from outside")),
    };
    let ends = match cookie.expires() {
        true => clause::EXPIRING.holds(format!("{name} says when it ends")),
        false => {
            clause::EXPIRING.gap(format!("{name} lasts as long as the browser: its end on the server was not seen"))
        }
    };
    guards.into_iter().chain([encrypted, ends]).collect()
}

/// Returns a regular expression for a Set-Cookie header without this guard.
fn shown(clause: Clause, name: &str) -> String {
    let header = format!("(?im)^set-cookie: {}=", regex::escape(name));
    let lacks = match clause {
        clause::SECURE => r"(?!.*;\s*secure\s*(;|$))",
        clause::HTTP_ONLY => r"(?!.*;\s*httponly\s*(;|$))",
        clause::SAME_SITE => r"(?!.*;\s*samesite=(lax|strict)\s*(;|$))",
        clause::SMALL => ".{4000}",
        _ if !name.starts_with("__Host-") => "",
        _ => r"(?!.*;\s*path=/\s*(;|$))",
    };
    format!("{header}{lacks}")
}
