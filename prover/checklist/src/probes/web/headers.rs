//! `web.headers`: Content-Security-Policy and its company on every answer, errors too.
//!
//! - **Hypothesis**: every answer carries a Content-Security-Policy that governs scripts, has frame-ancestors and no `'unsafe-…'` that a browser obeys;
//!   `X-Content-Type-Options: nosniff`; Referrer-Policy, Permissions-Policy, Cross-Origin-Opener-Policy and
//!   Cross-Origin-Resource-Policy with values that protect.
//! - **Sent**: GET of `/`; every declared request once, those declared slow, heavy or to crash too; GET of a path that does not
//!   exist; PROPFIND, which is safe and seldom allowed; a request whose head is malformed.
//! - **Decides**: an answer that lacks one of them. What the HTTP parser answers to the malformed head before the service sees a
//!   request is told and not judged.
//! - **Blast radius**: what the declared requests do.
//! - **Bound in time**: one exchange for each declared request and some more, each within the service's deadline plus 5 s, and 60 s in all.

#[cfg(test)]
mod judge_tests;
mod policy;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use http::Method;
use keel_wire::answers;
use keel_wire::http::{Exchange, Request};

use crate::clause::Clause;
use crate::clause::web::headers as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::listener::Listener;
use crate::recipe::Recipe;
use crate::recipe::Shows;
use crate::subject::RequestSpec;

const ID: &str = "web.headers";
/// A path that no service has.
const NOWHERE: &str = "/keel-probe-nothing-is-here-41c7d20e";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Time limit of the requests; those beyond it are not sent.
const BOUND: Duration = Duration::from_secs(60);
/// For the malformed request.
const RAW_PATIENCE: Duration = Duration::from_secs(3);
/// The clauses that one header decides.
const HEADERS: [Clause; 6] = [
    clause::CSP,
    clause::FRAME_ANCESTORS,
    clause::NOSNIFF,
    clause::REFERRER,
    clause::PERMISSIONS,
    clause::CROSS_ORIGIN,
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (answers, mut evidence) = ask(lab).await;
    evidence.extend(HEADERS.map(|clause| header(clause, &answers)));
    evidence.push(all_of(clause::EVERY_ANSWER, "answers below 400", answers.iter().filter(|one| one.status < 400)));
    evidence.push(all_of(clause::ERRORS, "errors", answers.iter().filter(|one| one.status >= 400)));
    evidence.push(malformed(lab).await);
    Finding::judge(ID, evidence)
}

/// An answer, and what its headers lack.
struct Answered {
    exchange: Exchange,
    asked: String,
    status: u16,
    faults: Vec<(Clause, String)>,
}

/// Asks for everything that is declared, and provokes errors; a gap for each request that was not answered.
async fn ask(lab: &mut Lab) -> (Vec<Answered>, Vec<Evidence>) {
    let begun = Instant::now();
    let client = lab.http();
    let mut exchanges = vec![client.send(Request::get("/")).await];
    exchanges.extend(lab.send_mix().await.into_iter().map(|(_, exchange)| exchange));
    let other = |spec: &&RequestSpec| spec.slow || spec.heavy || spec.crash;
    // Requests declared to crash come last.
    let mut others: Vec<RequestSpec> = lab.subject.requests.iter().filter(other).cloned().collect();
    others.sort_by_key(|spec| spec.crash);
    let mut requests = vec![Request::get(NOWHERE)];
    requests.extend(Method::from_bytes(b"PROPFIND").ok().map(|method| Request::new(method, "/")));
    requests.extend(others.iter().map(|spec| lab.fill(spec)));
    let mut gaps = Vec::new();
    for request in requests {
        if begun.elapsed() > BOUND {
            gaps.push(
                clause::EVERY_ANSWER.gap(format!("{} was not asked: the probe's {BOUND:?} are over", request.path)),
            );
            continue;
        }
        exchanges.push(client.send(request).await);
    }
    let mut answers = Vec::new();
    for exchange in exchanges {
        let asked = format!("{} {}", exchange.request.method, exchange.request.path);
        let Some(answer) = exchange.answer() else {
            let what = format!("{asked} was not answered, so it has no headers to look at");
            gaps.push(clause::EVERY_ANSWER.gap(what).with(&exchange));
            continue;
        };
        let (status, faults) = (answer.status.as_u16(), policy::faults(&answer.headers));
        answers.push(Answered { asked, status, faults, exchange });
    }
    (answers, gaps)
}

/// Judges that every answer carries the header of a clause.
fn header(clause: Clause, answers: &[Answered]) -> Evidence {
    let fault = |one: &Answered| one.faults.iter().find(|(of, _)| *of == clause).map(|(_, fault)| fault.clone());
    let faulty: Vec<(&Answered, String)> = answers.iter().filter_map(|one| Some((one, fault(one)?))).collect();
    let all = answers.len();
    match faulty.first() {
        None if all == 0 => clause.gap("nothing was answered: declare requests"),
        None => clause.holds(format!("{all} of {all} answers are guarded by it")),
        Some((one, fault)) => {
            let what = format!("{fault} in {} of {all} answers, such as {} ({})", faulty.len(), one.asked, one.status);
            clause.contradicts(what).with(&one.exchange).reproduced_by(recipe(&one.exchange, fault))
        }
    }
}

/// Judges that all of some answers carry every header.
fn all_of<'a>(clause: Clause, which: &str, answers: impl Iterator<Item = &'a Answered>) -> Evidence {
    let answers: Vec<&Answered> = answers.collect();
    let bare = answers.iter().find(|one| !one.faults.is_empty());
    match bare {
        None if answers.is_empty() => clause.gap(format!("no {which} were seen")),
        None => clause.holds(format!("{} {which} carry every header", answers.len())),
        Some(one) => {
            let faults = told_once(one.faults.iter().map(|(_, fault)| fault.as_str()));
            clause
                .contradicts(format!("{} ({}): {}", one.asked, one.status, faults.join(", ")))
                .with(&one.exchange)
                .reproduced_by(recipe(&one.exchange, faults[0]))
        }
    }
}

/// Each fault once: a header that is missing may be the fault of two clauses.
fn told_once<'a>(faults: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut told = Vec::new();
    for fault in faults {
        if !told.contains(&fault) {
            told.push(fault);
        }
    }
    told
}

/// Asks again, and looks for this fault of a header.
fn recipe(exchange: &Exchange, fault: &str) -> Recipe {
    if let Some(name) = fault.strip_prefix("no ").and_then(|rest| rest.split(' ').next()) {
        return Recipe::again(exchange, Shows::no_header(name));
    }
    let name = fault.split(' ').next().unwrap_or_default();
    let value = exchange.answer().map(|answer| answer.header(name)).unwrap_or_default();
    // A nonce is another one each time; what makes the policy unsafe is not.
    let shown = match fault.split_whitespace().find(|word| word.starts_with("'unsafe-")) {
        Some(word) => format!(".*{}", regex::escape(word)),
        None => regex::escape(value),
    };
    Recipe::again(exchange, Shows::Found(format!("(?im)^{name}: {shown}")))
}

/// A head that is not HTTP; its answer is a note, as it may come from below the service.
async fn malformed(lab: &Lab) -> Evidence {
    const SENT: &str = "GET / HTTP/1.1\r\nHost: keel\r\nthis line is no header\r\n\r\n";
    let heard = async {
        let mut connection = Listener::of(lab).await.ok()?.open().await.ok()?;
        connection.write(SENT.as_bytes(), RAW_PATIENCE).await.ok()?;
        Some(connection.listen_answer(RAW_PATIENCE).await)
    };
    let Some((heard, answer)) =
        heard.await.and_then(|heard| Some((answers::first(&heard.bytes, 0)?, heard))).map(|(a, h)| (h, a))
    else {
        return clause::ERRORS.figure("a malformed request has no HTTP answer that a browser could show");
    };
    let (text, status, headers) = (heard.text(), answer.status, answer.headers);
    let faults = policy::faults(&headers);
    let what = match told_once(faults.iter().map(|(_, fault)| fault.as_str())).as_slice() {
        [] => format!("a malformed request ({status}) is answered with every header"),
        faults => format!(
            "a malformed request is answered {status} by the HTTP parser, below the service (not judged): {}",
            faults.join(", ")
        ),
    };
    let head: String = text.lines().take(12).collect::<Vec<_>>().join(" · ").chars().take(400).collect();
    clause::ERRORS.figure(what).exchanged(SENT.escape_debug().to_string(), head)
}
