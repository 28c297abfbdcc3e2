//! `call.fallback`: with a dependency gone the service degrades instead of failing whole.
//!
//! - **Hypothesis**: while connections to a dependency are refused, requests that do not use it are answered as before; those that
//!   use it get a degraded answer (below 400) that says so, or one clear refusal (502, 503 or 504) in time; the process lives on,
//!   and everything is as before soon after the dependency is back.
//! - **Sent**: each request that uses a dependency twice in peace, so that it is seen to call it, and that what differs by itself is
//!   known; then, with each dependency down in turn, at most 20 requests of the mix that do not use it, and those that do.
//! - **Decides**: any of these not being so. An answer says so by another status, by a header such as `Warning` or `Age`, or by a
//!   field that changed to null or has a word such as `stale`, `degraded` or `default` in it. A success that says other things
//!   than in peace without that is made up: it falls short. One that is the same, or leaves something out, is a gap: it may not
//!   need the dependency. When every declared request needs the dependency and is refused, nothing useful was left to see: unknown.
//! - **Blast radius**: the dependency's proxy refuses connections meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency the requests' deadlines, and 30 s until it has recovered; none is begun for which no time
//!   is left of 110 s.

use std::time::Duration;

use keel_proxy::Fault;
use keel_wire::http::Exchange;
use tokio::net::TcpStream;

use super::support::by_dependency::{self, Timetable};
use super::support::degradation::Said;
use super::support::proxied_dependency::{self, Dependent, GRACE, Met, RECOVERY, User, seen_under};
use crate::clause::call::fallback as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::{Dependency, Manner, Shows, WithDependency};
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
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
/// The most requests that do not use a dependency; further ones are named as a gap.
const MAX_OTHERS: usize = 20;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut timetable = Timetable::begin(lab);
    let (dependents, mut evidence) = match proxied_dependency::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let mut useful = 0;
    for dependent in &dependents {
        if !timetable.has(lab.subject.deadline + GRACE + RECOVERY) {
            evidence.push(by_dependency::no_time_for(&dependent.name));
            continue;
        }
        let (seen, served) = without(lab, dependent).await;
        evidence.extend(seen);
        useful += served;
        if !lab.process().is_running() {
            evidence.push(clause::ISOLATION.contradicts(format!("the process has ended without {}", dependent.name)));
            dependent.mend(lab).await;
            break;
        }
        evidence.push(dependent.recovery(lab, clause::ISOLATION).await);
    }
    if useful == 0 && evidence.iter().all(|piece| !piece.is_against()) {
        let reason = "every declared request needs a dependency and is refused without it: declare one in [[requests]] that \
                      is useful without";
        return Finding::unknown(ID, reason, evidence);
    }
    Finding::judge(ID, evidence)
}

/// Observes the service with one dependency down, and counts the requests that were still served.
async fn without(lab: &Lab, dependent: &Dependent) -> (Vec<Evidence>, usize) {
    let name = &dependent.name;
    let (mut others, mut evidence) = (others(lab, name), Vec::new());
    if others.len() > MAX_OTHERS {
        let beyond: Vec<String> = others.split_off(MAX_OTHERS).into_iter().map(|spec| spec.name).collect();
        evidence.push(clause::ISOLATION.gap(format!("without {name} these were not sent: {}", beyond.join(", "))));
    }
    let client = lab.http();
    let mut before = Vec::new();
    for spec in &others {
        before.push(client.send(lab.fill(spec)).await.status());
    }
    let (answers, _) = dependent.under(lab, Fault::Down).await;
    let gone = is_gone(lab, name).await;
    let mut served = 0;
    for (spec, status) in others.iter().zip(before) {
        let exchange = client.send(lab.fill(spec)).await;
        let as_before = status.map_or(0, |status| status.as_u16());
        let same = exchange.status() == status && exchange.answer().is_some();
        served += usize::from(same && exchange.status().is_some_and(|status| status.as_u16() < 400));
        let told = if same { "is answered as before" } else { "is not answered as before" };
        let what = format!("without {name}, {}, which does not use it, {told}", spec.name);
        let piece = seen_under(clause::ISOLATION, same, what, &gone).with(&exchange);
        let shown = Shows::Missing(format!("^{as_before}"));
        evidence.push(without_recipe(lab, name, &exchange, shown).into_iter().fold(piece, Evidence::reproduced_by));
    }
    for (user, (_, exchange)) in dependent.users.iter().zip(&answers) {
        served += usize::from(exchange.status().is_some_and(|status| status.as_u16() < 400));
        // Whatever is wrong with the answer: the same answer shows it.
        let status = exchange.status().map_or(0, |status| status.as_u16());
        let recipe = without_recipe(lab, name, exchange, Shows::Found(format!("^{status}")));
        let shown = |piece: Evidence| recipe.clone().into_iter().fold(piece, Evidence::reproduced_by);
        evidence.extend(
            judge(lab.subject.deadline + GRACE, name, user, exchange, &gone).map(|piece| shown(piece.with(exchange))),
        );
    }
    (evidence, served)
}

/// Asks again while connections to the dependency are refused.
fn without_recipe(lab: &Lab, name: &str, exchange: &Exchange, shown: Shows) -> Option<Recipe> {
    let within = lab.subject.deadline + GRACE;
    // The script waits no longer, so that what is answered later has no answer there.
    let fault = if exchange.took > within { WithDependency::NoAnswer } else { WithDependency::Answer(shown) };
    Dependency::of(&lab.subject, name, Manner::Refuses, (exchange.request.clone(), within), fault)
}

/// Shows that a dependency is gone: the connection of anybody is refused, and in peace each of its requests called it.
async fn is_gone(lab: &Lab, name: &str) -> Met {
    let refused = match lab.proxy(name) {
        Some(proxy) => TcpStream::connect(proxy.address()).await.is_err(),
        None => false,
    };
    let what = format!("connections to {name} are refused, and each request that uses it called it in peace");
    Control::seen(refused, what, format!("connections to {name} were not refused"))
}

/// Requests of the mix that use no dependency, or another.
fn others(lab: &Lab, dependency: &str) -> Vec<RequestSpec> {
    lab.mix().into_iter().filter(|spec| spec.uses.iter().all(|used| used != dependency)).collect()
}

/// Judges the answer to a request that uses the dependency without it, and whether the answer says so.
fn judge(limit: Duration, name: &str, user: &User, exchange: &Exchange, gone: &Met) -> [Evidence; 2] {
    let with = |told: &str| format!("without {name}, {}, which uses it, {told}", user.spec.name);
    let saw = |clause, good, told: &str| seen_under(clause, good, with(told), gone);
    let fails = |told: &str| [saw(clause::DEGRADES, false, told), clause::SAID_SO.figure(with("says nothing of use"))];
    let Some(answer) = exchange.answer() else { return fails("has no whole answer") };
    match answer.status.as_u16() {
        status if exchange.took > limit => fails(&format!("is answered {status} later than its deadline")),
        status @ 502..=504 => {
            let told = format!("is clearly refused with {status}");
            [saw(clause::DEGRADES, true, &told), saw(clause::SAID_SO, true, &told)]
        }
        status @ 400..500 => fails(&format!("is blamed on the caller with {status}")),
        status @ 500.. => fails(&format!("fails with {status}, which does not say that something is missing")),
        status => {
            let served = saw(clause::DEGRADES, true, &format!("is answered {status}"));
            let unclear = |told: &str| [clause::DEGRADES.gap(with(told)), clause::SAID_SO.gap(with(told))];
            match user.said(answer) {
                Said::So(by) => [served, saw(clause::SAID_SO, true, &format!("says so by {by}"))],
                Said::Otherwise(what) => [
                    served,
                    saw(clause::SAID_SO, false, &format!("says other things, and not that it is without: {what}")),
                ],
                Said::Less(what) => {
                    [served, clause::SAID_SO.gap(with(&format!("leaves {what} out and does not say so")))]
                }
                Said::AsInPeace => {
                    unclear("is answered as in peace: it does not need it, or answers from memory without saying so")
                }
                Said::Unclear => unclear("is another answer each time, in which nothing is told apart"),
            }
        }
    }
}
