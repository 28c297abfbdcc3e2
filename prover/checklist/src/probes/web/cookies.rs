//! `web.cookies`: cookies that neither scripts, nor plain HTTP, nor foreign pages, nor sibling hosts can get at.
//!
//! - **Hypothesis**: each cookie is Secure, HttpOnly, SameSite=Lax or Strict, is called `__Host-…` with Path=/ and without Domain, and is
//!   at most 4096 bytes long.
//! - **Sent**: the mix once, in order, and GET `/`.
//! - **Decides**: a Set-Cookie that lacks one of these. No Set-Cookie in any answer: not applicable. A cookie without Max-Age
//!   and Expires is told and not judged, as it ends with the browser. Whether a session can be revoked on the server
//!   cannot be seen without a login.
//! - **Blast radius**: what the mix does.
//! - **Bound in time**: one exchange a request of the mix and one more, each within the service's deadline plus 5 s.

mod set_cookie;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use keel_wire::http::{Exchange, Request};
use set_cookie::SetCookie;

use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

const ID: &str = "web.cookies";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most cookies that are told of.
const MAX_COOKIES: usize = 50;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut exchanges = vec![lab.http().send(Request::get("/")).await];
    exchanges.extend(lab.send_mix().await.into_iter().map(|(_, exchange)| exchange));
    let answered: Vec<&Exchange> = exchanges.iter().filter(|exchange| exchange.answer().is_some()).collect();
    let asked: Vec<String> = answered.iter().map(|exchange| asked(exchange)).collect();
    let evidence: Vec<Evidence> = answered.iter().flat_map(|exchange| judge(exchange)).take(MAX_COOKIES).collect();
    if asked.is_empty() {
        let unanswered = exchanges.iter().map(|exchange| {
            let what = format!("{} was not answered", self::asked(exchange));
            Evidence { good: None, ..Evidence::exchange(true, what, exchange) }
        });
        return Finding::unknown(ID, "no request was answered: declare some in [[requests]]", unanswered.collect());
    }
    if evidence.is_empty() {
        let reason = format!("no cookie is set in any of {} answers", asked.len());
        let asked = Evidence::note(format!("asked without being given a cookie: {}", asked.join(", ")));
        return Finding::not_applicable(ID, reason, vec![asked]);
    }
    let summary =
        format!("every one of {} cookies seen is Secure, HttpOnly, SameSite and __Host- scoped", evidence.len());
    Finding::judge(ID, summary, evidence)
}

fn asked(exchange: &Exchange) -> String {
    format!("{} {}", exchange.request.method, exchange.request.path)
}

fn judge(exchange: &Exchange) -> Vec<Evidence> {
    let Some(answer) = exchange.answer() else { return Vec::new() };
    let headers = answer.headers.get_all("set-cookie").into_iter();
    let cookies = headers.map(|value| SetCookie::parse(&String::from_utf8_lossy(value.as_bytes())));
    cookies
        .map(|cookie| {
            let faults = cookie.faults();
            let told = if faults.is_empty() { "is well guarded".to_owned() } else { faults.join(", ") };
            let session =
                if cookie.expires() { "" } else { " (without Max-Age or Expires it lasts as long as the browser)" };
            let what = format!("cookie {} of {}: {told}{session}", cookie.name(), asked(exchange));
            Evidence::exchange(faults.is_empty(), what, exchange)
        })
        .collect()
}
