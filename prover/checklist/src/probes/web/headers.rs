//! `web.headers`: Content-Security-Policy and its company on every answer, errors too.
//!
//! - **Hypothesis**: every answer carries a Content-Security-Policy that governs scripts, has frame-ancestors and no `'unsafe-…'`;
//!   `X-Content-Type-Options: nosniff`; Referrer-Policy, Permissions-Policy, Cross-Origin-Opener-Policy and
//!   Cross-Origin-Resource-Policy with values that protect.
//! - **Sent**: GET of `/` and of each path that the mix reads (at most 20); GET of a path that does not exist; PROPFIND, which is safe
//!   and seldom allowed; a request whose head is malformed.
//! - **Decides**: an answer that lacks one of them. What the HTTP parser answers to the malformed head before the service sees a
//!   request is told and not judged.
//! - **Blast radius**: none; it only reads.
//! - **Bound in time**: at most 24 exchanges, each within the service's deadline plus 5 s, and 60 s in all.

mod paths;
mod policy;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use http::Method;
use keel_wire::answers;
use keel_wire::http::{Exchange, Request};
use keel_wire::raw::RawConnection;

use self::paths::NOWHERE;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

const ID: &str = "web.headers";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// What is not asked by then is not asked.
const BOUND: Duration = Duration::from_secs(60);
/// For the malformed request.
const RAW_PATIENCE: Duration = Duration::from_secs(3);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let begun = Instant::now();
    let mut requests = paths::reads(lab);
    let known = requests.last().map_or_else(|| "/".to_owned(), |request| request.path.clone());
    requests.push(Request::get(NOWHERE));
    if let Ok(method) = Method::from_bytes(b"PROPFIND") {
        requests.push(Request::new(method, known));
    }
    let client = lab.http();
    let mut evidence = Vec::new();
    let mut answered = 0;
    for request in requests {
        if begun.elapsed() > BOUND {
            evidence.push(Evidence::note(format!("{} was not asked: the probe's {BOUND:?} are over", request.path)));
            continue;
        }
        let exchange = client.send(request).await;
        answered += usize::from(exchange.answer().is_some());
        evidence.push(judge(&exchange));
    }
    evidence.push(malformed(lab).await);
    Finding::judge(ID, format!("all {answered} answers carry every header, errors too"), evidence)
}

fn judge(exchange: &Exchange) -> Evidence {
    let Exchange { request, .. } = exchange;
    let asked = format!("{} {}", request.method, request.path);
    let Some(answer) = exchange.answer() else {
        let what = format!("{asked} was not answered, so it has no headers to look at");
        return Evidence { good: None, ..Evidence::exchange(true, what, exchange) };
    };
    let status = answer.status.as_u16();
    let faults = policy::faults(&answer.headers);
    let mut what = match faults.as_slice() {
        [] => format!("{asked} ({status}) carries every header"),
        faults => format!("{asked} ({status}): {}", faults.join(", ")),
    };
    if answer.headers.contains_key("x-frame-options") {
        what.push_str(" (X-Frame-Options too)");
    }
    Evidence::exchange(faults.is_empty(), what, exchange)
}

/// A head that is not HTTP; its answer is a note, as it may come from below the service.
async fn malformed(lab: &Lab) -> Evidence {
    const SENT: &str = "GET / HTTP/1.1\r\nHost: keel\r\nthis line is no header\r\n\r\n";
    let heard = async {
        let to = *lab.subject.url.socket_addrs(|| None).ok()?.first()?;
        let mut connection = RawConnection::connect(to, None, RAW_PATIENCE).await.ok()?;
        connection.write(SENT.as_bytes(), RAW_PATIENCE).await.ok()?;
        Some(connection.listen_answer(RAW_PATIENCE).await)
    };
    let Some((heard, answer)) =
        heard.await.and_then(|heard| Some((answers::first(&heard.bytes, 0)?, heard))).map(|(a, h)| (h, a))
    else {
        return Evidence::note("a malformed request has no HTTP answer that a browser could show");
    };
    let (text, status, headers) = (heard.text(), answer.status, answer.headers);
    let faults = policy::faults(&headers);
    let what = match faults.as_slice() {
        [] => format!("a malformed request ({status}) is answered with every header"),
        faults => format!(
            "a malformed request is answered {status} by the HTTP parser, below the service (not judged): {}",
            faults.join(", ")
        ),
    };
    let head: String = text.lines().take(12).collect::<Vec<_>>().join(" · ").chars().take(400).collect();
    Evidence { what, sent: Some(SENT.escape_debug().to_string()), came_back: Some(head), good: None }
}
