//! `call.fallback`: with a dependency gone the service degrades instead of failing whole.
//!
//! - **Hypothesis**: while connections to a dependency are refused, requests that do not use it are answered as before; those that
//!   use it get a degraded answer (below 400) or one clear refusal (502, 503 or 504) in time; the process lives on, and
//!   everything is as before soon after the dependency is back.
//! - **Sent**: with each dependency down in turn, at most 20 requests of the mix that do not use it, and those that do.
//! - **Decides**: any of these not being so. When every declared request needs the dependency and is refused, nothing useful was
//!   left to see: unknown.
//! - **Blast radius**: the dependency's proxy refuses connections meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency the requests' deadlines, and 30 s until it has recovered.

use keel_proxy::Fault;
use keel_wire::http::Exchange;

use super::support::proxied_dependency::{self, Dependent, GRACE};
use crate::clause::call::fallback as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::RequestSpec;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.fallback";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most requests that do not use a dependency.
const MAX_OTHERS: usize = 20;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (dependents, mut evidence) = match proxied_dependency::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let mut useful = 0;
    for dependent in &dependents {
        let (seen, served) = without(lab, dependent).await;
        evidence.extend(seen);
        useful += served;
        let alive = lab.process().is_running();
        let told = if alive { "the process lives on" } else { "the process has ended" };
        evidence.push(clause::ISOLATION.saw(alive, format!("{told} without {}", dependent.name)));
        if alive {
            evidence.push(dependent.recovery(lab, clause::ISOLATION).await);
        }
        dependent.mend(lab).await;
    }
    if useful == 0 && evidence.iter().all(|piece| !piece.is_against()) {
        let reason = "every declared request needs a dependency and is refused without it: declare one in [[requests]] that \
                      is useful without";
        return Finding::unknown(ID, reason, evidence);
    }
    Finding::judge(ID, evidence)
}

/// What is seen with one dependency down, and how many requests were still served.
async fn without(lab: &Lab, dependent: &Dependent) -> (Vec<Evidence>, usize) {
    let name = &dependent.name;
    let others = others(lab, name);
    let client = lab.http();
    let mut before = Vec::new();
    for spec in &others {
        before.push(client.send(lab.fill(spec)).await.status());
    }
    let (answers, _) = dependent.under(lab, Fault::Down).await;
    let (mut evidence, mut served) = (Vec::new(), 0);
    for (spec, status) in others.iter().zip(before) {
        let exchange = client.send(lab.fill(spec)).await;
        let same = exchange.status() == status && exchange.answer().is_some();
        served += usize::from(same && exchange.status().is_some_and(|status| status.as_u16() < 400));
        let told = if same { "is answered as before" } else { "is not answered as before" };
        let what = format!("without {name}, {}, which does not use it, {told}", spec.name);
        evidence.push(clause::ISOLATION.saw(same, what).with(&exchange));
    }
    for (spec, exchange) in answers {
        let (good, told) = judge(&exchange, lab);
        served += usize::from(good && exchange.status().is_some_and(|status| status.as_u16() < 400));
        evidence.push(
            clause::DEGRADES.saw(good, format!("without {name}, {}, which uses it, {told}", spec.name)).with(&exchange),
        );
    }
    (evidence, served)
}

/// Requests of the mix that use no dependency, or another.
fn others(lab: &Lab, dependency: &str) -> Vec<RequestSpec> {
    let others = lab.mix().into_iter().filter(|spec| spec.uses.iter().all(|used| used != dependency));
    others.take(MAX_OTHERS).collect()
}

fn judge(exchange: &Exchange, lab: &Lab) -> (bool, String) {
    let limit = lab.subject.deadline + GRACE;
    match exchange.status().map(|status| status.as_u16()) {
        None => (false, "has no whole answer".to_owned()),
        Some(status) if exchange.took > limit => (false, format!("is answered {status} later than its deadline")),
        Some(status @ ..400) => (true, format!("is answered {status}")),
        Some(status @ 502..=504) => (true, format!("is clearly refused with {status}")),
        Some(status @ 400..500) => (false, format!("is blamed on the caller with {status}")),
        Some(status) => (false, format!("fails with {status}, which does not say that something is missing")),
    }
}
