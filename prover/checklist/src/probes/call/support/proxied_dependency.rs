//! A dependency together with the requests that reach it: seen in peace, while it misbehaves, and after it is mended.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_proxy::{Fault, FaultProxy};
use keel_wire::http::Exchange;

use crate::clause::Clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::subject::{Dependencies, RequestSpec};

#[cfg(test)]
mod tests;

/// What the wire and the scheduler may add to the deadline.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// The most requests at a time.
const AT_A_TIME: usize = 4;
/// How long a call is waited for after the request that causes it was answered.
const CALL_PATIENCE: Duration = Duration::from_secs(3);
/// How soon everything must be as before once the dependency is mended.
const RECOVERY: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A dependency behind a fault proxy, and what reaches it.
#[derive(Debug)]
pub(crate) struct Dependent {
    pub(crate) name: String,
    /// The requests declared to use it, and what they were answered in peace.
    pub(crate) users: Vec<(RequestSpec, Exchange)>,
}

/// Every dependency that can be broken, seen in peace; with evidence of what could not be.
///
/// # Errors
/// The finding, when there is none: nobody said, there are none, or no call of any was seen.
pub(crate) async fn all(id: &str, lab: &Lab) -> Result<(Vec<Dependent>, Vec<Evidence>), Finding> {
    let declared: Vec<(String, String)> = match &lab.subject.dependencies {
        Dependencies::Unsaid => {
            let reason = "nobody said what it calls: declare [dependencies.NAME] with `env` and `url`, and `uses` in \
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
            Ok(dependent) => dependents.push(dependent),
            Err(why) => evidence.push(why),
        }
    }
    if dependents.is_empty() {
        let reason = "no call to a dependency could be seen, so none could be broken";
        return Err(Finding::unknown(id, reason, evidence));
    }
    Ok((dependents, evidence))
}

async fn in_peace(lab: &Lab, name: &str, variable: &str) -> Result<Dependent, Evidence> {
    let Some(proxy) = lab.proxy(name) else {
        return Err(Evidence::gap(format!("{name} is not reached over TCP, so nothing can be put in front of it")));
    };
    let users: Vec<RequestSpec> = users(lab, name).take(AT_A_TIME).collect();
    if users.is_empty() {
        return Err(Evidence::gap(format!(
            "no request is declared to use {name}: write uses = [\"{name}\"] in the [[requests]] that reach it"
        )));
    }
    let heard = proxy.heard();
    let (exchanges, settled) = settled(lab, &users).await;
    if let Some((spec, exchange)) = settled.err() {
        let what = format!("{} is not answered as expected even while {name} is well", spec.name);
        return Err(Evidence::gap(what).with(&exchange));
    }
    if !was_heard(proxy, heard, lab.pace.of(CALL_PATIENCE)).await {
        return Err(Evidence::gap(format!(
            "{} was answered without any call arriving at {name}: check that the service reads its address from {variable}",
            users.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(Dependent { name: name.to_owned(), users: users.into_iter().zip(exchanges).collect() })
}

/// The requests of the mix that are declared to use a dependency.
pub(crate) fn users(lab: &Lab, dependency: &str) -> impl Iterator<Item = RequestSpec> {
    lab.mix().into_iter().filter(move |spec| spec.uses.iter().any(|used| used == dependency))
}

/// Their answers once all are as expected, or the last ones after `RECOVERY` with the first that is not: what a probe before
/// has broken may be left alone by the service for a while.
async fn settled(lab: &Lab, specs: &[RequestSpec]) -> (Vec<Exchange>, Result<Duration, (RequestSpec, Exchange)>) {
    let since = Instant::now();
    loop {
        let exchanges = send(lab, specs).await;
        let still = specs.iter().zip(&exchanges).find(|(spec, exchange)| !as_expected(spec, exchange));
        let Some((spec, exchange)) = still else { return (exchanges, Ok(since.elapsed())) };
        if since.elapsed() > RECOVERY {
            let still = (spec.clone(), exchange.clone());
            return (exchanges, Err(still));
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

/// Whether a client says something to the proxy, beyond what it had heard, before patience ends.
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
    /// The users' answers while the dependency has a fault, and whether a call met it.
    pub(crate) async fn under(&self, lab: &Lab, fault: Fault) -> (Vec<(RequestSpec, Exchange)>, bool) {
        let Some(proxy) = lab.proxy(&self.name) else { return (Vec::new(), false) };
        proxy.set(fault).await;
        let heard = proxy.heard();
        let specs: Vec<RequestSpec> = self.users.iter().map(|(spec, _)| spec.clone()).collect();
        let exchanges = send(lab, &specs).await;
        let met = was_heard(proxy, heard, lab.pace.of(CALL_PATIENCE)).await;
        (specs.into_iter().zip(exchanges).collect(), met)
    }

    /// Resets every open connection to the dependency, so that the next call makes a new one.
    pub(crate) async fn reset_pools(&self, lab: &Lab) {
        let Some(proxy) = lab.proxy(&self.name) else { return };
        proxy.set(Fault::Down).await;
        proxy.set(Fault::None).await;
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
        let specs: Vec<RequestSpec> = self.users.iter().map(|(spec, _)| spec.clone()).collect();
        match settled(lab, &specs).await.1 {
            Ok(took) => {
                let what = format!("with {} mended everything is as before after {took:.1?}", self.name);
                clause.holds(what)
            }
            Err((spec, exchange)) => {
                let what =
                    format!("{} is not answered as before {RECOVERY:?} after {} was mended", spec.name, self.name);
                clause.contradicts(what).with(&exchange)
            }
        }
    }
}
