//! A dependency together with the requests that reach it: seen in peace, while it misbehaves, and after it is mended.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_proxy::{Fault, FaultProxy};
use keel_wire::http::{Answer, Exchange};

use super::degradation::Said;
use crate::clause::Clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probes::support::stale;
use crate::subject::{Dependencies, RequestSpec};

#[cfg(test)]
mod tests;

/// Time that network and scheduler may add to the deadline.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// The most requests at a time; further ones are named as a gap.
const AT_A_TIME: usize = 8;
/// Time that a call is waited for after the request that causes it was answered.
const CALL_PATIENCE: Duration = Duration::from_secs(3);
/// Time within which everything must be as before once the dependency is repaired.
pub(crate) const RECOVERY: Duration = Duration::from_secs(30);
/// Within it a request is answered that waits for no call.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Control that a call met a fault.
pub(crate) type Met = Result<Control, Uncontrolled>;

/// Returns the evidence under a fault: for the clause or against it when a call met the fault, else a gap.
pub(crate) fn seen_under(clause: Clause, good: bool, what: impl Into<String>, met: &Met) -> Evidence {
    match met {
        Ok(control) => clause.saw(good, what).by(control),
        Err(failed) => clause.gap(format!("{}, but {}", what.into(), failed.what)),
    }
}

/// A dependency behind a fault proxy, and what reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Dependent {
    pub(crate) name: String,
    /// The requests declared to use it that were seen to call it.
    pub(crate) users: Vec<User>,
    /// Bytes of the shortest answer that it gave to one of them in peace.
    pub(crate) shortest: u64,
}

/// A request that calls the dependency.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) spec: RequestSpec,
    /// The two answers in peace.
    pub(crate) peace: [Exchange; 2],
}

impl User {
    /// Returns the marks of an answer beside those in peace.
    pub(crate) fn said(&self, now: &Answer) -> Said {
        match [self.peace[0].answer(), self.peace[1].answer()] {
            [Some(one), Some(other)] => Said::by([one, other], now),
            _ => Said::Unclear,
        }
    }
}

/// Every dependency that can be broken, seen in peace; with evidence of what could not be.
///
/// # Errors
/// The finding, if there is no dependency to examine: none is declared, there are none, or no call of any was seen.
pub(crate) async fn all(id: &str, lab: &Lab) -> Result<(Vec<Dependent>, Vec<Evidence>), Finding> {
    let declared: Vec<(String, String)> = match &lab.subject.dependencies {
        Dependencies::Unsaid => {
            let reason = "its dependencies are not declared: declare [dependencies.NAME] with `env` and `url`, and `uses` in \
                          [[requests]]; or dependencies = \"none\"";
            return Err(Finding::unknown(id, reason, Vec::new()));
        }
        Dependencies::Declared(declared) => declared.iter().map(|one| (one.name.clone(), one.env.clone())).collect(),
    };
    if declared.is_empty() {
        let reason = "dependencies = \"none\" is declared: it calls nothing over a network";
        return Err(Finding::not_applicable(id, reason, Vec::new()));
    }
    let (mut dependents, mut evidence) = (Vec::new(), Vec::new());
    for (name, variable) in declared {
        match in_peace(lab, &name, &variable).await {
            Ok((dependent, left_out)) => {
                dependents.push(dependent);
                evidence.extend(left_out);
            }
            Err(why) => evidence.extend(why),
        }
    }
    if dependents.is_empty() {
        let reason = "no call to a dependency could be seen, so none could be broken";
        return Err(Finding::unknown(id, reason, evidence));
    }
    Ok((dependents, evidence))
}

/// A dependency in peace, and what of its requests is left out: those beyond the most at a time, and those that cause no call.
async fn in_peace(lab: &Lab, name: &str, variable: &str) -> Result<(Dependent, Vec<Evidence>), Vec<Evidence>> {
    let gap = |what: String| vec![Evidence::gap(what)];
    let Some(proxy) = lab.proxy(name) else {
        return Err(gap(format!("{name} is not reached over TCP, so nothing can be put in front of it")));
    };
    let (later, users): (Vec<RequestSpec>, Vec<RequestSpec>) =
        users(lab, name).partition(|spec| spec.later.iter().any(|later| later == name));
    let (users, beyond) = users.split_at(users.len().min(AT_A_TIME));
    let mut left_out = Vec::new();
    for spec in later.iter().take(AT_A_TIME) {
        left_out.push(called_later(lab, proxy, name, spec).await);
    }
    if users.is_empty() {
        let reason = match later.is_empty() {
            true => format!(
                "no request is declared to use {name}: write uses = [\"{name}\"] in the [[requests]] that reach it"
            ),
            false => {
                format!("{name} is only called after answers, as declared with `later`: such calls are not examined")
            }
        };
        left_out.push(Evidence::gap(reason));
        return Err(left_out);
    }
    let beyond: Vec<&str> = beyond.iter().map(|spec| spec.name.as_str()).collect();
    if !beyond.is_empty() {
        left_out.extend(gap(format!("of the requests that use {name} these were not sent: {}", beyond.join(", "))));
    }
    let first = match settled(lab, users).await {
        Ok((exchanges, _)) => exchanges,
        Err((spec, exchange)) => {
            let what = format!("{} is not answered as expected even while {name} is well", spec.name);
            left_out.push(Evidence::gap(what).with(&exchange));
            return Err(left_out);
        }
    };
    let (client, mut callers, mut shortest) = (lab.http(), Vec::new(), u64::MAX);
    for (spec, first) in users.iter().cloned().zip(first) {
        let (heard, answered) = (proxy.heard(), proxy.answered());
        let exchange = client.send(lab.fill(&spec)).await;
        if was_heard(proxy, heard, lab.pace.of(CALL_PATIENCE)).await {
            shortest = shortest.min(proxy.answered() - answered);
            callers.push(User { spec, peace: [first, exchange] });
        } else {
            let what = format!(
                "{} was answered without any call arriving at {name}: check that the service reads its address from {variable}",
                spec.name
            );
            left_out.push(Evidence::gap(what).with(&exchange));
        }
    }
    if callers.is_empty() {
        return Err(left_out);
    }
    Ok((Dependent { name: name.to_owned(), users: callers, shortest }, left_out))
}

/// Checks a request that is declared to call the dependency only after its answer: it is answered as declared, and as soon as ever, while the
/// dependency is silent. Then no clause is about its calls, which is a note; else it is a gap.
async fn called_later(lab: &Lab, proxy: &FaultProxy, name: &str, spec: &RequestSpec) -> Evidence {
    proxy.set(Fault::Hang).await;
    let exchange = lab.http().send(lab.fill(spec)).await;
    proxy.set(Fault::None).await;
    let caller = &spec.name;
    let piece = match as_expected(spec, &exchange) && exchange.took <= AT_ONCE {
        true => Evidence::note(format!(
            "{caller} calls {name} after its answer, as declared with `later`: it is answered at once while {name} is silent, and no \
             caller waits for these calls, which were not examined"
        )),
        false => Evidence::gap(format!(
            "{caller} is declared to call {name} only after its answer, and is not answered as declared within {AT_ONCE:?} while {name} \
             is silent: take {name} out of its `later`"
        )),
    };
    piece.with(&exchange)
}

/// The requests of the mix that are declared to use a dependency.
pub(crate) fn users(lab: &Lab, dependency: &str) -> impl Iterator<Item = RequestSpec> {
    lab.mix().into_iter().filter(move |spec| spec.uses.iter().any(|used| used == dependency))
}

/// Their answers once all are as expected, and after how long; or the first that is not after `RECOVERY`: what a probe before has broken may be
/// left alone by the service for a while.
async fn settled(lab: &Lab, specs: &[RequestSpec]) -> Result<(Vec<Exchange>, Duration), (RequestSpec, Exchange)> {
    let since = Instant::now();
    loop {
        let exchanges = send(lab, specs).await;
        let still = specs.iter().zip(&exchanges).find(|(spec, exchange)| !as_expected(spec, exchange));
        let Some((spec, exchange)) = still else { return Ok((exchanges, since.elapsed())) };
        if since.elapsed() > RECOVERY {
            return Err((spec.clone(), exchange.clone()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// All of them at once, fresh keys each.
async fn send(lab: &Lab, specs: &[RequestSpec]) -> Vec<Exchange> {
    let client = lab.http();
    join_all(specs.iter().map(|spec| client.send(lab.fill(spec)))).await
}

fn as_expected(spec: &RequestSpec, exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| spec.expects(status.as_u16()))
}

/// Returns true if a client sends bytes to the proxy, beyond those before, until the patience ends.
async fn was_heard(proxy: &FaultProxy, before: u64, patience: Duration) -> bool {
    let since = Instant::now();
    while proxy.heard() == before {
        if since.elapsed() > patience {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

impl Dependent {
    /// The users' answers while the dependency has a fault, and the control that a call met it.
    pub(crate) async fn under(&self, lab: &Lab, fault: Fault) -> (Vec<(RequestSpec, Exchange)>, Met) {
        let Some(proxy) = lab.proxy(&self.name) else { return (Vec::new(), Control::fault_met(0, &self.name)) };
        proxy.set(fault).await;
        self.again(lab).await
    }

    /// The same under the fault that there is, which resets no connection that is open.
    pub(crate) async fn again(&self, lab: &Lab) -> (Vec<(RequestSpec, Exchange)>, Met) {
        let Some(proxy) = lab.proxy(&self.name) else { return (Vec::new(), Control::fault_met(0, &self.name)) };
        let before = proxy.heard();
        let answers = self.answers(lab).await;
        was_heard(proxy, before, lab.pace.of(CALL_PATIENCE)).await;
        (answers, Control::fault_met(proxy.heard() - before, &self.name))
    }

    /// The same under a fault that lets calls wait. A failure that comes from a connection which was reset before it is asked for again.
    pub(crate) async fn waiting(&self, lab: &Lab, fault: Fault) -> (Vec<(RequestSpec, Exchange)>, Met) {
        let Some(proxy) = lab.proxy(&self.name) else { return (Vec::new(), Control::fault_met(0, &self.name)) };
        proxy.set(fault).await;
        let before = proxy.heard();
        let answers = self.answers_past_resets(lab).await;
        was_heard(proxy, before, lab.pace.of(CALL_PATIENCE)).await;
        (answers, Control::fault_met(proxy.heard() - before, &self.name))
    }

    /// The users' answers now, past failures of connections that were reset before.
    pub(crate) async fn answers_past_resets(&self, lab: &Lab) -> Vec<(RequestSpec, Exchange)> {
        let client = lab.http();
        let specs: Vec<RequestSpec> = self.users.iter().map(|user| user.spec.clone()).collect();
        let exchanges = join_all(specs.iter().map(|spec| stale::past(lab, &client, spec))).await;
        specs.into_iter().zip(exchanges).collect()
    }

    /// The users' answers now.
    pub(crate) async fn answers(&self, lab: &Lab) -> Vec<(RequestSpec, Exchange)> {
        let specs: Vec<RequestSpec> = self.users.iter().map(|user| user.spec.clone()).collect();
        let exchanges = send(lab, &specs).await;
        specs.into_iter().zip(exchanges).collect()
    }

    /// Begins the fault and resets every open connection to the dependency, so that the next call makes a new one. There is no moment without a fault
    /// between, in which a call that comes by itself would leave a connection for the others.
    pub(crate) async fn begin_on_new_connections(&self, lab: &Lab, fault: Fault) {
        let Some(proxy) = lab.proxy(&self.name) else { return };
        proxy.set(Fault::Down).await;
        proxy.set(fault).await;
        tokio::time::sleep(LOOK).await;
    }

    /// Takes the fault away.
    pub(crate) async fn mend(&self, lab: &Lab) {
        if let Some(proxy) = lab.proxy(&self.name) {
            proxy.set(Fault::None).await;
        }
    }

    /// Mends it and waits until every user is answered as in peace.
    pub(crate) async fn recovery(&self, lab: &Lab, clause: Clause) -> Evidence {
        self.mend(lab).await;
        let specs: Vec<RequestSpec> = self.users.iter().map(|user| user.spec.clone()).collect();
        match settled(lab, &specs).await {
            Ok((_, took)) => {
                let what = format!("with {} mended everything is as before after {took:.1?}", self.name);
                clause.figure(what)
            }
            Err((spec, exchange)) => {
                let calls = self.still_calls(lab, &specs).await;
                unrecovered(clause, (&self.name, &spec.name), &exchange, lab.subject.deadline, calls)
            }
        }
    }

    /// Sends the requests once more, and returns true if one of them causes a call.
    async fn still_calls(&self, lab: &Lab, specs: &[RequestSpec]) -> bool {
        let Some(proxy) = lab.proxy(&self.name) else { return true };
        let before = proxy.heard();
        send(lab, specs).await;
        proxy.heard() != before
    }
}

/// Judges a request that is not answered as before once its dependency is mended. One that is refused in time without a call may be
/// refused by a breaker that stays open for longer: then nothing is known.
fn unrecovered(
    clause: Clause,
    (name, request): (&str, &str),
    exchange: &Exchange,
    deadline: Duration,
    calls: bool,
) -> Evidence {
    let what = format!("{request} is not answered as before {RECOVERY:?} after {name} was mended");
    let refused = exchange.status().is_some_and(|status| status.is_server_error()) && exchange.took <= deadline;
    let piece = match refused && !calls {
        true => clause.gap(format!("{what}, and {name} is not called: a breaker may stay open for longer")),
        false => clause.contradicts(what),
    };
    piece.with(exchange)
}
