//! `see.errors`: a report of a failure has what one needs to reconstruct it, arrives without a login, once for equal failures and without secrets.
//!
//! - **Hypothesis**: of `FAILURES` equal failures there are `MOST_REPORTS` reports at most, in one group that counts them; a report has the request (route, method, its user agent, its trace), the cause, a
//!   place in the source, version, commit, host and what came before; no secret of a header or a body is in any report.
//! - **Sent**: the declared request `FAILURES` times, with a secret in a header and, where it still fails with it, in a JSON body; without the dependency of `without`.
//! - **Decides**: the list of groups before and after, and the reports of the group that grew; the events that came to keel's own `SENTRY_DSN`.
//! - **Blast radius**: failing requests, at most `AT_ONCE` at a time; the service is started anew twice.
//! - **Bound in time**: the requests, and `ARRIVES`.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use keel_drill::sentry::SentryReceiver;
use keel_proxy::Fault;
use keel_wire::http::{Exchange, Request};
use serde_json::{Value, json};

use self::judge::{Expected, Group, clean, grouped, groups, judge_report, limited, same};
use super::fresh_context::fresh;
use crate::clause::see::errors as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::{ErrorList, ErrorReports, RequestSpec};

mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.errors";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Equal failures.
const FAILURES: usize = 100;
/// At a time.
const AT_ONCE: usize = 4;
/// Time within which a report must be there.
const ARRIVES: Duration = Duration::from_secs(5);
/// The same at any pace.
const LEAST_ARRIVES: Duration = Duration::from_secs(2);
/// Time in which further reports of the same failures come.
const SETTLES: Duration = Duration::from_millis(500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The header with a secret.
const SECRET_HEADER: &str = "x-keel-password";
/// The member of a body with a secret.
const SECRET_MEMBER: &str = "password";

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(declared) = lab.subject.errors.clone() else {
        let reason = "it is not known where reports of failures are read: say so in [errors] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let Some(spec) = lab.subject.requests.iter().find(|spec| spec.name == declared.request).cloned() else {
        return Finding::unknown(ID, "no request has the name that `request` in [errors] says", Vec::new());
    };
    let receiver = match SentryReceiver::start().await {
        Ok(receiver) => receiver,
        Err(error) => {
            return Finding::unknown(ID, format!("no loopback port for keel's receiver: {error}"), Vec::new());
        }
    };
    // Anew: no report of an earlier failure stands in the way of the first one.
    if lab.running().is_some() {
        lab.stop().await;
        let dsn = if declared.sentry { receiver.dsn() } else { String::new() };
        let started = lab
            .start_with(|launch| {
                if declared.sentry {
                    launch.env.insert("SENTRY_DSN".to_owned(), dsn);
                }
            })
            .await;
        if let Err(failure) = started {
            let reason = format!("it does not start with SENTRY_DSN: {failure}");
            return Finding::unknown(ID, reason, Vec::new());
        }
        // A request of the mix that fails by itself would get the report of the first failure.
        if declared.without.is_some() {
            lab.send_mix().await;
        }
    }
    let evidence = examined(lab, &declared, &spec, &receiver).await;
    lab.stop().await;
    Finding::judge(ID, evidence)
}

/// The failing requests, and the answers to them.
struct Sent {
    expected: Expected,
    secrets: Vec<String>,
    has_body: bool,
    control: Result<Control, Uncontrolled>,
    last: Option<Exchange>,
}

async fn examined(lab: &Lab, declared: &ErrorReports, spec: &RequestSpec, receiver: &SentryReceiver) -> Vec<Evidence> {
    let proxy = match &declared.without {
        None => None,
        Some(name) => match lab.proxy(name) {
            Some(proxy) => Some(proxy),
            None => {
                let what = format!("{name} is not reached over TCP, so it could not be taken away");
                return vec![Evidence::gap(what)];
            }
        },
    };
    let before = listed(lab, declared.list.as_ref()).await;
    if let Some(proxy) = proxy {
        proxy.set(Fault::Down).await;
    }
    let sent = send(lab, declared, spec).await;
    if let Some(proxy) = proxy {
        proxy.set(Fault::None).await;
    }
    let control = match &sent.control {
        Ok(control) => control.clone(),
        Err(failed) => {
            return [clause::REPORT, clause::ENOUGH, clause::AWAY].map(|clause| clause.uncontrolled(failed)).into();
        }
    };
    let mut evidence = Vec::new();
    if let Some(list) = &declared.list {
        evidence.extend(of_list(lab, list, before, &sent, &control).await);
    }
    if declared.sentry {
        evidence.extend(of_sentry(lab, receiver, &sent, &control).await);
    }
    if !sent.has_body {
        evidence.push(clause::REPORT.gap(
            "the request does not fail with a secret in its body, so it had one in a header alone: declare another one",
        ));
    }
    evidence
}

/// Sends the request until it has failed so often.
async fn send(lab: &Lab, declared: &ErrorReports, spec: &RequestSpec) -> Sent {
    let secrets: Vec<String> = (0..2).map(|_| format!("s3cr3t{}", fresh(1).trace)).collect();
    let agent = format!("keel-errors/{}", &fresh(1).span);
    let fails = |exchange: &Exchange| exchange.status().is_some_and(|status| status.is_server_error());
    let client = lab.http();
    let mut traces = Vec::new();
    let mut next = |has_body: bool| {
        let trace = fresh(1);
        traces.push(trace.trace.clone());
        let request = lab.fill(spec).header("traceparent", trace.header()).header("user-agent", agent.clone());
        let request = request.header(SECRET_HEADER, secrets[0].clone());
        if has_body { with_secret(request, &secrets[1]) } else { request }
    };
    let first = client.send(next(true)).await;
    let has_body = fails(&first);
    let requests: Vec<Request> = (usize::from(has_body)..FAILURES).map(|_| next(has_body)).collect();
    let path = first.request.path.clone();
    let answers = futures_util::stream::iter(requests).map(|request| client.send(request)).buffer_unordered(AT_ONCE);
    let answers: Vec<Exchange> = answers.collect().await;
    let failed = answers.iter().filter(|exchange| fails(exchange)).count() + usize::from(has_body);
    let without = declared.without.as_ref().map_or_else(String::new, |name| format!(" without {name}"));
    let control = Control::seen(
        failed == FAILURES,
        format!("{failed} requests fail with 5xx{without}"),
        format!(
            "{failed} of {FAILURES} of {} fail with 5xx{without}: mend `request` or `without` in [errors]",
            spec.name
        ),
    );
    let causes = match (&declared.cause, &declared.without) {
        (Some(cause), _) => vec![cause.clone()],
        (None, Some(name)) => {
            let proxy = lab.proxy(name).map(|proxy| proxy.address().to_string());
            [Some(name.clone()), proxy].into_iter().flatten().collect()
        }
        (None, None) => Vec::new(),
    };
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let expected = Expected { method: spec.method.clone(), path, traces, agent, causes };
    Sent { expected, secrets, has_body, control, last: answers.into_iter().last() }
}

/// The request with a secret in its body: a further member of its JSON, or a body where it has none.
fn with_secret(mut request: Request, secret: &str) -> Request {
    let mut body = match request.body.is_empty() {
        true => json!({}),
        false => match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) if body.is_object() => body,
            _ => return request,
        },
    };
    body[SECRET_MEMBER] = Value::from(secret);
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    request.json(&body)
}

/// The groups of the list now; none where nothing is listed, or the answer is no list.
async fn listed(lab: &Lab, list: Option<&ErrorList>) -> Vec<Group> {
    let Some(list) = list else { return Vec::new() };
    let exchange = lab.admin().send(Request::get(list.path.clone())).await;
    let answer = exchange.answer().and_then(keel_wire::http::Answer::json).unwrap_or_default();
    groups(&answer, list)
}

/// The group that grew, and its reports.
async fn of_list(lab: &Lab, list: &ErrorList, before: Vec<Group>, sent: &Sent, control: &Control) -> Vec<Evidence> {
    let begun = Instant::now();
    let patience = lab.pace.of(ARRIVES).max(LEAST_ARRIVES);
    let mut rises = Vec::new();
    while begun.elapsed() < patience {
        rises = judge::rises(&before, &listed(lab, Some(list)).await);
        if rises.iter().map(|(_, by)| by).sum::<u64>() >= FAILURES as u64 {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let (is_one, what) = grouped(&rises, FAILURES as u64);
    let mut evidence = vec![clause::REPORT.saw(is_one, what).by(control)];
    let Some((id, _)) = rises.iter().max_by_key(|(_, by)| *by) else {
        let what = format!("{} lists no failure of {FAILURES}", list.path);
        evidence.push(clause::ENOUGH.contradicts(what.clone()).by(control));
        evidence.push(clause::AWAY.contradicts(what).by(control));
        return evidence;
    };
    let path = if list.show.is_empty() { list.path.clone() } else { list.show.replace("{id}", id) };
    let exchange = lab.admin().send(Request::get(path.clone())).await;
    let answer = exchange.answer().and_then(keel_wire::http::Answer::json).unwrap_or_default();
    let reports: Vec<Value> = match answer.pointer(&list.reports) {
        Some(Value::Array(reports)) => reports.clone(),
        Some(report) => vec![report.clone()],
        None => Vec::new(),
    };
    evidence.extend(
        of_reports(&path, &reports, reports.len(), sent, control).into_iter().map(|piece| piece.with(&exchange)),
    );
    evidence
}

/// The events that came to keel's receiver.
async fn of_sentry(lab: &Lab, receiver: &SentryReceiver, sent: &Sent, control: &Control) -> Vec<Evidence> {
    let begun = Instant::now();
    let patience = lab.pace.of(ARRIVES).max(LEAST_ARRIVES);
    while receiver.count() == 0 && begun.elapsed() < patience {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(SETTLES).await;
    let events = receiver.events();
    let mut evidence = of_reports("SENTRY_DSN", &events, receiver.count(), sent, control);
    let (is_one, what) = same(&events);
    evidence.push(clause::REPORT.saw(is_one, what).by(control));
    evidence
}

/// Judges reports by their number, their content, and what must not be in them.
fn of_reports(place: &str, reports: &[Value], count: usize, sent: &Sent, control: &Control) -> Vec<Evidence> {
    let Some(last) = reports.iter().rev().find(|report| sent.expected.is_of(report)).or(reports.last()) else {
        let what = format!("no report of {FAILURES} failures comes to {place}");
        let shown = sent.last.as_ref();
        let evidence =
            [clause::REPORT, clause::ENOUGH, clause::AWAY].map(|clause| clause.contradicts(what.clone()).by(control));
        return evidence
            .into_iter()
            .map(|piece| shown.map_or(piece.clone(), |exchange| piece.with(exchange)))
            .collect();
    };
    let (is_limited, what) = limited(count, FAILURES);
    let mut evidence = vec![clause::REPORT.saw(is_limited, format!("{place}: {what}")).by(control)];
    let (is_clean, what) = clean(reports, &sent.secrets);
    evidence.push(clause::REPORT.saw(is_clean, format!("{place}: {what}")).by(control));
    evidence.push(clause::AWAY.holds(format!("a report comes to {place}")).by(control));
    let (is_enough, what) = judge_report(last, &sent.expected);
    evidence.push(clause::ENOUGH.saw(is_enough, format!("{place}: {what}")).by(control));
    if sent.expected.causes.is_empty() {
        evidence.push(clause::ENOUGH.gap("which cause a report must have is not known: declare `cause` in [errors]"));
    }
    evidence
}
