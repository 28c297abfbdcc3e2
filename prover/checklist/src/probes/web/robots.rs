//! `web.robots`: robots.txt is served and says what the service wants.
//!
//! - **Hypothesis**: `/robots.txt` is answered 200 as `text/plain` in UTF-8, has at most 500 KiB and at least one group of user
//!   agents with a rule (RFC 9309).
//! - **Sent**: GET `/robots.txt`, and up to five redirections to the same host, as crawlers follow them.
//! - **Decides**: anything else in the end, an HTML page and a 404 too.
//! - **Blast radius**: none; it only reads.
//! - **Bound in time**: six exchanges, each within the service's deadline plus 5 s.

#[cfg(test)]
mod judge_tests;
mod rules;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use keel_wire::http::{Exchange, Request};
use url::Url;

use crate::clause::web::robots as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;

const ID: &str = "web.robots";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Crawlers follow at least so many (RFC 9309, 2.3.1.2).
const MAX_REDIRECTS: usize = 5;
/// Crawlers read at least so much (RFC 9309, 2.5).
const MAX_BYTES: u64 = 500 << 10;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let client = lab.http();
    let mut evidence = Vec::new();
    let mut exchange = client.send(Request::get("/robots.txt")).await;
    for _ in 0..MAX_REDIRECTS {
        let Some(next) = redirection(&lab.subject.url, &exchange) else { break };
        let what = format!("{} leads to {next}", exchange.request.path);
        evidence.push(clause::SERVED.figure(what).with(&exchange));
        exchange = client.send(Request::get(next)).await;
    }
    evidence.extend(judge(&exchange));
    Finding::judge(ID, evidence)
}

/// Returns the path on the same host to which it is redirected.
fn redirection(base: &Url, exchange: &Exchange) -> Option<String> {
    let answer = exchange.answer().filter(|answer| answer.status.is_redirection())?;
    let here = base.join(&exchange.request.path).ok()?;
    let there = here.join(answer.header("location")).ok()?;
    let elsewhere = there.origin() != base.origin() || there.path() == here.path();
    let query = there.query().map(|query| format!("?{query}")).unwrap_or_default();
    if elsewhere { None } else { Some(format!("{}{query}", there.path())) }
}

fn judge(exchange: &Exchange) -> Vec<Evidence> {
    let path = &exchange.request.path;
    let Some(answer) = exchange.answer() else {
        let piece = clause::SERVED.contradicts(format!("{path} is not answered")).with(exchange);
        return vec![piece.reproduced_by(Recipe::again(exchange, Shows::Missing("^[1-5]".to_owned())))];
    };
    if answer.status.as_u16() != 200 {
        let what = format!("{path} is answered {}, not 200", answer.status.as_u16());
        let piece = clause::SERVED.contradicts(what).with(exchange);
        return vec![piece.reproduced_by(Recipe::again(exchange, Shows::Missing("^2".to_owned())))];
    }
    let mut faults = Vec::new();
    let kind = answer.header("content-type");
    if !is_plain_text(kind) {
        faults.push(format!("its Content-Type is {kind:?}, not text/plain in UTF-8"));
    }
    if answer.body_length > MAX_BYTES {
        faults.push(format!("it has {} bytes, more than crawlers read", answer.body_length));
    }
    let text = std::str::from_utf8(&answer.body);
    if text.is_err() {
        faults.push("it is not UTF-8".to_owned());
    }
    let rules = text.map_or(0, rules::count);
    let served = match faults.as_slice() {
        [] => clause::SERVED.holds(format!("{path} is a text of {} bytes", answer.body_length)),
        faults => clause::SERVED.contradicts(format!("{path}: {}", faults.join(", "))),
    };
    let said = match rules {
        0 => clause::RULES.contradicts(format!("{path} has no User-agent group with a rule")),
        rules => clause::RULES.holds(format!("{path} has {rules} rules for crawlers")),
    };
    let plain = Recipe::again(exchange, Shows::header_is_not("content-type", "text/plain"));
    let ruled = Recipe::again(exchange, Shows::Missing(r"(?im)^\s*(dis)?allow\s*:".to_owned()));
    vec![served.with(exchange).reproduced_by(plain), said.with(exchange).reproduced_by(ruled)]
}

fn is_plain_text(kind: &str) -> bool {
    let lower = kind.to_ascii_lowercase();
    let mut parts = lower.split(';').map(str::trim);
    let plain = parts.next() == Some("text/plain");
    let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
    plain && charset.is_none_or(|name| ["utf-8", "utf8", "us-ascii"].contains(&name))
}
