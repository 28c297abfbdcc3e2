//! `border.idempotency`: a state-changing request with a key takes effect once, in every failure; another body is refused.
//!
//! - **Hypothesis**: the same request under the same key gets the same answer and takes effect once when it is repeated, when it
//!   comes fifty times at once, and after the service was killed; another valid body under that key is refused with a 4xx.
//! - **Sent**: for each of the first four requests of the mix with `idempotent`: four times under keys of their own, and once with
//!   broken JSON, to see what counts its effects; twice in a row; fifty times at once; with another body; under the key of another
//!   caller, where one is declared; before and after a SIGKILL; while a SIGKILL comes.
//! - **Decides**: a second answer that differs, and a second effect, fall short. Effects are counted in numbers and lists of `read`
//!   and of the mix's GETs; where none counts, the thing that the answer names must be read back, or calls to a dependency it uses
//!   must be made once. Equal answers whose effects
//!   nothing counts are a gap. Refusals such as 409 while the first is under way are repeated until they end, and the last answer
//!   counts. The other body is first shown to be valid under a key of its own.
//! - **Blast radius**: one effect a key; the service is killed twice a request and started again.
//! - **Bound in time**: 120 exchanges a request, each within the service's deadline plus 5 s, and two starts.

use std::time::Duration;

use futures_util::future::join_all;
use keel_wire::http::{Exchange, Request};
use serde_json::{Value, json};

use self::effects::{Effects, Seen, Snapshot};
use self::exchange::{keyed, same, send, succeeded};
use super::support::writes::{Writes, writes};
use crate::clause::Clause;
use crate::clause::border::idempotency as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::subject::RequestSpec;

mod callers;
mod effects;
mod exchange;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.idempotency";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most requests of the mix that are examined.
const EXAMINED: usize = 4;
/// The same request at once.
const AT_ONCE: usize = 50;
/// Maximum number of repeats of a request that is told to wait (409, 425, 429, 503).
const REPEATS: usize = 20;
/// Between two repeats.
const PAUSE: Duration = Duration::from_millis(250);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut specs: Vec<RequestSpec> = lab.mix().into_iter().filter(|spec| spec.idempotent.is_some()).collect();
    let left = specs.split_off(specs.len().min(EXAMINED));
    if specs.is_empty() {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "no request is known to be safe to repeat: declare `idempotent = \"HEADER\"` on one in [[requests]], \
                              or state = \"none\"";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    }
    let mut evidence: Vec<Evidence> = left.iter().map(not_tried).collect();
    for spec in &specs {
        match examine_spec(lab, spec).await {
            Ok(pieces) => evidence.extend(pieces),
            Err(reason) => return Finding::unknown(ID, reason, evidence),
        }
    }
    Finding::judge(ID, evidence)
}

fn not_tried(spec: &RequestSpec) -> Evidence {
    clause::ONCE.gap(format!("{} was not tried: the first {EXAMINED} idempotent requests were", spec.name))
}

async fn examine_spec(lab: &mut Lab, spec: &RequestSpec) -> Result<Vec<Evidence>, String> {
    let name = &spec.name;
    let mut evidence = Vec::new();
    let alone = send(lab, keyed(lab, spec)).await;
    if !succeeded(&alone) {
        return Err(format!("{name} does not even succeed once ({}): mend the mix", alone.came_back()));
    }
    let effects = Effects::find(lab, spec).await;
    let count = Count { spec, effects: effects.as_ref() };
    let before = count.start(lab).await;
    let first = send(lab, keyed(lab, spec)).await;
    let second = send(lab, first.request.clone()).await;
    let what = format!("{name}, repeated under the same key");
    evidence.push(count.judge(lab, clause::ONCE, &before, (&first, &second), &what).await);
    if let Ok(effects) = &effects {
        evidence.extend(callers::apart(lab, spec, effects).await);
    }
    evidence.push(at_once(lab, &count).await);
    evidence.push(other_body(lab, spec, &first).await);
    evidence.push(killed_after(lab, &count).await?);
    evidence.push(killed_during(lab, &count, first.took / 2).await?);
    Ok(evidence)
}

/// A request, and what shows how often it took effect.
struct Count<'a> {
    spec: &'a RequestSpec,
    effects: Result<&'a Effects, &'a Uncontrolled>,
}

impl Count<'_> {
    async fn start(&self, lab: &Lab) -> Option<Snapshot> {
        match self.effects {
            Ok(effects) => Some(effects.look(lab, self.spec).await),
            Err(_) => None,
        }
    }

    /// Judges that the answers are one answer, with one effect behind them.
    async fn judge(
        &self,
        lab: &Lab,
        clause: Clause,
        before: &Option<Snapshot>,
        (first, second): (&Exchange, &Exchange),
        what: &str,
    ) -> Evidence {
        let came_back = format!("first: {}\nthen: {}", first.came_back(), second.came_back());
        if !same(self.spec, first, second) {
            let what = format!("{what}, gets another answer than the first time");
            let piece = clause.contradicts(what).exchanged(first.sent(), came_back);
            return match clause {
                clause::ONCE => piece.reproduced_by(Recipe::AnsweredAnew(first.request.clone())),
                _ => piece,
            };
        }
        self.effect(lab, clause, before, second, what).await.exchanged(first.sent(), came_back)
    }

    /// Judges that one effect is behind answers that are all as `answer`.
    async fn effect(
        &self,
        lab: &Lab,
        clause: Clause,
        before: &Option<Snapshot>,
        answer: &Exchange,
        what: &str,
    ) -> Evidence {
        let (effects, before) = match (self.effects, before) {
            (Ok(effects), Some(before)) => (effects, before),
            (Err(failed), _) => {
                return clause.gap(format!("{what}, gets one answer, which is not one effect: {}", failed.what));
            }
            (Ok(_), None) => return clause.gap(format!("{what}: nothing was counted before")),
        };
        judged(clause, effects.since(lab, self.spec, before, answer).await, what).by(&effects.control)
    }
}

/// Judges how often a request took effect whose answers are alike.
fn judged(clause: Clause, seen: Seen, what: &str) -> Evidence {
    match seen {
        Seen::Times(1) => clause.holds(format!("{what}, gets one answer and took effect once")),
        Seen::There => clause.holds(format!("{what}, gets one answer, and the one thing that it names is there")),
        Seen::Times(0) => clause.gap(format!("{what}, gets one answer, and no effect of it shows")),
        Seen::Times(times) => clause.contradicts(format!("{what}, took effect at least {times} times")),
        Seen::Unclear => clause.gap(format!("{what}, gets one answer; its effects could not be counted")),
    }
}

/// Sends until the service no longer says that it should be tried again.
async fn settled(lab: &Lab, request: &Request, mut last: Exchange) -> Exchange {
    for _ in 0..REPEATS {
        let wait = last.status().is_none_or(|status| [409, 425, 429, 503].contains(&status.as_u16()));
        if !wait {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        last = send(lab, request.clone()).await;
    }
    last
}

async fn at_once(lab: &Lab, count: &Count<'_>) -> Evidence {
    let spec = count.spec;
    let before = count.start(lab).await;
    let request = keyed(lab, spec);
    let exchanges = join_all((0..AT_ONCE).map(|_| send(lab, request.clone()))).await;
    let told_to_wait = exchanges.iter().filter(|exchange| !succeeded(exchange)).count();
    let mut distinct: Vec<Exchange> = Vec::new();
    for exchange in exchanges {
        let exchange = settled(lab, &request, exchange).await;
        if !distinct.iter().any(|known| same(spec, known, &exchange)) {
            distinct.push(exchange);
        }
    }
    let what = format!("{}, {AT_ONCE} times at once under one key ({told_to_wait} had to ask again)", spec.name);
    let came_back: Vec<String> = distinct.iter().take(5).map(Exchange::came_back).collect();
    let evidence = match distinct.as_slice() {
        [one] if succeeded(one) => count.effect(lab, clause::CONCURRENT, &before, one, &what).await,
        many => clause::CONCURRENT.contradicts(format!("{what}, ends in {} distinct answers", many.len())),
    };
    evidence.exchanged(distinct.first().map(Exchange::sent).unwrap_or_default(), came_back.join("\n"))
}

/// Another valid body under the key of `first`. A body that is refused under any key would prove nothing.
async fn other_body(lab: &Lab, spec: &RequestSpec, first: &Exchange) -> Evidence {
    let name = &spec.name;
    let Ok(body) = serde_json::from_slice::<Value>(&first.request.body) else {
        return clause::OTHER_BODY
            .gap(format!("{name} has no JSON body: whether another one is refused was not examined"));
    };
    for variant in variants(&body) {
        let text = variant.to_string();
        let control = send(lab, Request { body: text.clone().into(), ..keyed(lab, spec) }).await;
        if !succeeded(&control) {
            continue;
        }
        let exchange = send(lab, Request { body: text.into(), ..first.request.clone() }).await;
        let good = exchange.status().is_some_and(|status| status.is_client_error());
        let told = if good { "is refused" } else { "is not refused" };
        let evidence = clause::OTHER_BODY.saw(good, format!("{name} with another body under a used key {told}"));
        let evidence = match Control::answered(&control, 200..=299) {
            Ok(control) => evidence.by(&control),
            Err(failed) => clause::OTHER_BODY.uncontrolled(&failed),
        };
        return evidence.with(&exchange);
    }
    clause::OTHER_BODY.gap(format!("no other body for {name} is valid: whether one is refused was not examined"))
}

/// Bodies that differ from this one in one value: a number, a text, or a member more.
fn variants(body: &Value) -> Vec<Value> {
    let mut variants = Vec::new();
    let Some(members) = body.as_object() else { return variants };
    for (name, value) in members {
        let change = |new: Value| {
            let mut changed = body.clone();
            changed[name] = new;
            changed
        };
        match value {
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => variants.push(change(json!(number.wrapping_add(1)))),
                (None, Some(number)) => variants.push(change(json!(number + 1.0))),
                (None, None) => {}
            },
            Value::Bool(value) => variants.push(change(json!(!value))),
            Value::String(text) => variants.push(change(json!(format!("{text}x")))),
            _ => {}
        }
    }
    // Numbers first: texts are more often references or words of a fixed set.
    variants.sort_by_key(|variant| members.iter().any(|(name, old)| old.is_string() && variant[name] != *old));
    let mut more = body.clone();
    more["keel_probe"] = json!(1);
    variants.push(more);
    variants
}

async fn killed_after(lab: &mut Lab, count: &Count<'_>) -> Result<Evidence, String> {
    let before = count.start(lab).await;
    let first = send(lab, keyed(lab, count.spec)).await;
    kill_and_start(lab).await?;
    let second = send(lab, first.request.clone()).await;
    let second = settled(lab, &first.request, second).await;
    let what = format!("{}, repeated after a SIGKILL and a new start", count.spec.name);
    Ok(count.judge(lab, clause::CRASH, &before, (&first, &second), &what).await)
}

/// The answer may have been lost with the service. Then the first one after the start counts, and must stay.
///
/// `moment` is when the signal comes: half of what the request took before is likely to be in the middle of it.
async fn killed_during(lab: &mut Lab, count: &Count<'_>, moment: Duration) -> Result<Evidence, String> {
    let name = &count.spec.name;
    let before = count.start(lab).await;
    let request = keyed(lab, count.spec);
    let under_way = tokio::spawn({
        let client = lab.http();
        let request = request.clone();
        async move { client.send(request).await }
    });
    tokio::time::sleep(moment).await;
    kill_and_start(lab).await?;
    let lost = under_way.await.map_err(|error| format!("keel's own request failed: {error}"))?;
    let after = send(lab, request.clone()).await;
    let after = settled(lab, &request, after).await;
    let first = if succeeded(&lost) { lost } else { after };
    let again = send(lab, request).await;
    if !succeeded(&first) {
        let what = format!("{name}, cut off by a SIGKILL, cannot be repeated with success");
        return Ok(clause::CRASH.contradicts(what).with(&first));
    }
    let what = format!("{name}, sent while a SIGKILL came, and repeated");
    Ok(count.judge(lab, clause::CRASH, &before, (&first, &again), &what).await)
}

async fn kill_and_start(lab: &mut Lab) -> Result<(), String> {
    lab.kill().await.map_err(|failure| format!("it was not killed: {failure}"))?;
    lab.process().wait(Duration::from_secs(5)).await;
    lab.ensure_running().await.map(|_| ()).map_err(|failure| format!("it did not start again after SIGKILL: {failure}"))
}
