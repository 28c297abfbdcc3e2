//! `see.query`: the live state can be queried ad hoc, read-only, bounded.
//!
//! - **Hypothesis**: a number of the live state rises by just the requests that were sent; questions about several parts are answered, each with
//!   its own answer, and also one that keel makes of them; one that would change something is refused and changes nothing; one that has no end, and
//!   one with a very large answer, are cut, while others are answered, and leave neither load nor memory behind.
//! - **Sent**: the questions that `[query]` declares, nonsense, and `REQUESTS` of the request of `counts`.
//! - **Decides**: the number before and after; answers with errors, or equal ones, to different questions; an answer with success to the question that
//!   writes, or a number that falls after it; no answer to the endless one `WITHIN`, others that are not answered `PROMPT` meanwhile, processor time
//!   that is used when it has been answered; an answer of more than `MOST_BYTES`, memory that grows by more than `MOST_MEMORY`.
//! - **Blast radius**: up to two processors for as long as the service lets a question run. A service that takes the question that writes has
//!   lost what it deletes.
//! - **Bound in time**: `FRESH`, twice `WITHIN`, and some exchanges.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keel_wire::http::Exchange;

use self::judge::{Meanwhile, bounded, counted, cut, different, refused, rested};
use super::asker::Asker;
use crate::clause::see::query as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::{Ask, Recipe, Shows};
use crate::subject::Counts;

mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.query";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// A question that no language takes.
const NONSENSE: &str = "keel asks ( nothing";
/// Requests that must be counted.
const REQUESTS: u64 = 7;
/// Time within which they must be.
const FRESH: Duration = Duration::from_secs(5);
/// Between two looks at a number.
const LOOK: Duration = Duration::from_millis(100);
/// Time within which a question without an end must be answered.
const WITHIN: Duration = Duration::from_secs(10);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(3);
/// An answer that comes sooner is no cut: the question was not taken.
const AT_ONCE: Duration = Duration::from_millis(20);
/// Time for which a service is watched after a cut.
const REST: Duration = Duration::from_millis(250);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(declared) = lab.subject.query.clone() else {
        let reason = "it is not known how the live state is asked: say so in [query] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let asker = Asker::new(lab, declared);
    let nonsense = asker.ask(NONSENSE).await;
    let understands = Control::answered(&nonsense, 400..=499).map_err(|mut failed| {
        failed.what = format!("{}: nonsense must be refused with a 4xx, or no refusal shows anything", failed.what);
        failed
    });
    let understands = match understands {
        Ok(control) => control,
        Err(failed) => {
            let gap = Evidence::gap(&failed.what).with(&nonsense);
            return Finding::unknown(ID, failed.what, vec![gap]);
        }
    };
    let mut evidence = ad_hoc(&asker, &understands).await;
    let (live, number) = live(lab, &asker).await;
    evidence.push(live);
    evidence.push(read_only(&asker, number, &understands).await);
    evidence.extend(endless(lab, &asker).await);
    evidence.push(large(lab, &asker).await);
    Finding::judge(ID, evidence)
}

/// Asks about several parts, and asks something that was not declared.
async fn ad_hoc(asker: &Asker, understands: &Control) -> Vec<Evidence> {
    let questions = &asker.declared.ask;
    if questions.len() < 2 {
        let gap = "it was not asked about several parts: declare two questions or more in `ask` of [query]";
        return vec![clause::AD_HOC.gap(gap)];
    }
    let mut answers = Vec::new();
    for (part, question) in questions {
        answers.push((part.as_str(), asker.ask(question).await));
    }
    let (is_good, what) = different(&answers);
    let piece = clause::AD_HOC.saw(is_good, what).by(understands);
    let mut evidence = vec![answers.iter().fold(piece, |piece, (_, exchange)| piece.with(exchange))];
    let (Some(question), Some((part, plain)), true) =
        (questions.values().next(), answers.first(), asker.declared.is_sql)
    else {
        return evidence;
    };
    let unknown = asker.ask(&format!("SELECT keel_knows_no_such_column FROM ({question}) AS keel")).await;
    let made = asker.ask(&format!("SELECT count(*) AS keel_count FROM ({question}) AS keel")).await;
    let evaluates = Control::seen(
        unknown.status().is_some_and(|status| status.is_client_error()),
        "a column that does not exist is refused",
        "a column that does not exist is not refused: it does not evaluate what it is asked",
    );
    evidence.push(match evaluates {
        Ok(control) => {
            let (is_good, what) = different(&[(part, plain.clone()), ("a count of it, which keel made", made.clone())]);
            clause::AD_HOC.saw(is_good, what).by(&control).with(&made)
        }
        Err(failed) => clause::AD_HOC.contradicts(failed.what).with(&unknown),
    });
    evidence
}

/// Sends requests, and looks whether they are counted. Returns the number after them.
async fn live(lab: &Lab, asker: &Asker) -> (Evidence, Option<f64>) {
    let spec = asker.declared.counts.as_ref().and_then(|counts| {
        let spec = lab.subject.requests.iter().find(|spec| spec.name == counts.of)?;
        Some((counts.clone(), spec.clone()))
    });
    let Some((counts, spec)) = spec else {
        return (clause::LIVE.gap("no number was looked at: declare `counts` in [query]"), None);
    };
    let (first, exchange) = asker.number(&counts).await;
    let Some(first) = first else {
        let what = format!("{:?} has no number at `value`: mend `counts` in [query]", counts.question);
        return (clause::LIVE.gap(what).with(&exchange), None);
    };
    tokio::time::sleep(LOOK).await;
    let before = asker.number(&counts).await.0;
    let steady = Control::seen(
        before == Some(first),
        "the number does not change by itself",
        "the number changes by itself: declare one in `counts` of [query] that only requests change",
    );
    let mut sent = 0;
    for _ in 0..REQUESTS {
        let exchange = lab.http().send(lab.fill(&spec)).await;
        sent += u64::from(exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
    }
    let begun = Instant::now();
    let (mut last, mut exchange) = asker.number(&counts).await;
    while last != Some(first + sent as f64) && begun.elapsed() < lab.pace.of(FRESH) {
        tokio::time::sleep(LOOK).await;
        (last, exchange) = asker.number(&counts).await;
    }
    let piece = match steady {
        Ok(control) if sent == REQUESTS => {
            let (is_good, what) = counted(&spec.name, first, last, sent, begun.elapsed());
            clause::LIVE.saw(is_good, what).by(&control).with(&exchange)
        }
        Ok(_) => clause::LIVE.gap(format!("{sent} of {REQUESTS} of {} were answered as declared", spec.name)),
        Err(failed) => clause::LIVE.uncontrolled(&failed),
    };
    (piece, last)
}

/// Asks a question that would change something.
async fn read_only(asker: &Asker, before: Option<f64>, understands: &Control) -> Evidence {
    let Some(write) = &asker.declared.write else {
        return clause::READ_ONLY.gap("nothing was tried that would change something: declare `write` in [query]");
    };
    let exchange = asker.ask(write).await;
    let after = match &asker.declared.counts {
        Some(counts) if before.is_some() => asker.number(counts).await.0,
        _ => None,
    };
    let status = exchange.status().map(|status| status.as_u16());
    match refused(status, before, after) {
        Some((is_good, what)) => {
            let piece = clause::READ_ONLY.saw(is_good, what).by(understands).with(&exchange);
            match status {
                Some(200..=299) => {
                    piece.reproduced_by(Recipe::again_to_admin(&exchange, Shows::Found("^2".to_owned())))
                }
                _ => piece,
            }
        }
        None => clause::READ_ONLY.gap("the question that would change something was not answered").with(&exchange),
    }
}

/// Asks a question that has no end, and others meanwhile.
async fn endless(lab: &Lab, asker: &Asker) -> Vec<Evidence> {
    let Some(question) = &asker.declared.endless else {
        return vec![clause::BOUNDED.gap("no question without an end was asked: declare `endless` in [query]")];
    };
    let within = lab.pace.of(WITHIN).max(LEAST_WITHIN);
    let patient = asker.with_timeout(within);
    let (is_over, other) = (AtomicBool::new(false), asker.declared.ask.values().next());
    let asked = async {
        let exchange = patient.ask(question).await;
        is_over.store(true, Ordering::Relaxed);
        exchange
    };
    let others = async {
        let mut meanwhile = Meanwhile::default();
        loop {
            tokio::time::sleep(LOOK / 2).await;
            if is_over.load(Ordering::Relaxed) {
                return meanwhile;
            }
            meanwhile.add(&lab.http().send(lab.harmless()).await);
            if let Some(other) = other {
                meanwhile.add(&asker.ask(other).await);
            }
        }
    };
    let (exchange, meanwhile) = tokio::join!(asked, others);
    let is_taken = exchange.answer().is_none() || exchange.took >= AT_ONCE;
    if !is_taken {
        let what = "the question without an end was answered at once, as if it had one: mend `endless` in [query]";
        return vec![clause::BOUNDED.gap(what).with(&exchange)];
    }
    let (is_good, what) = cut(exchange.status().map(|status| status.as_u16()), exchange.took, within, &meanwhile);
    let piece = clause::BOUNDED.saw(is_good, what).with(&exchange);
    let piece = if exchange.answer().is_none() {
        let fault = Shows::Missing("^[1-5]".to_owned());
        let requests = vec![exchange.request.clone()];
        piece.reproduced_by(Recipe::Ask(Ask { requests, admin: true, within: Some(within), fault }))
    } else {
        piece
    };
    let mut evidence = vec![piece];
    if exchange.answer().is_some()
        && let Some(used) = used_at_rest(lab).await
    {
        let (is_good, what) = rested(used, REST);
        evidence.push(clause::BOUNDED.saw(is_good, what));
    }
    evidence
}

/// Processor time of the service in one of two spells, the smaller one.
async fn used_at_rest(lab: &Lab) -> Option<Duration> {
    let mut least: Option<Duration> = None;
    for _ in 0..2 {
        let before = lab.usage()?.cpu;
        tokio::time::sleep(REST).await;
        let used = lab.usage()?.cpu.saturating_sub(before);
        least = Some(least.map_or(used, |least| least.min(used)));
    }
    least
}

/// Asks a question with a very large answer.
async fn large(lab: &Lab, asker: &Asker) -> Evidence {
    let Some(question) = &asker.declared.large else {
        return clause::BOUNDED.gap("no question with a large answer was asked: declare `large` in [query]");
    };
    let within = lab.pace.of(WITHIN).max(LEAST_WITHIN);
    let before = lab.resident();
    let exchange: Exchange = asker.with_timeout(within).ask(question).await;
    let grown = lab.resident().saturating_sub(before);
    match bounded(exchange.answer().map(|answer| (answer.status.as_u16(), answer.body_length)), within, grown) {
        Ok((is_good, what)) => clause::BOUNDED.saw(is_good, what),
        Err(what) => clause::BOUNDED.gap(what).with(&exchange),
    }
}

impl Asker {
    /// The number of `counts`; none when the answer has none there.
    async fn number(&self, counts: &Counts) -> (Option<f64>, Exchange) {
        let exchange = self.ask(&counts.question).await;
        let answer = exchange.answer().filter(|answer| answer.status.is_success());
        let number = answer.and_then(|answer| match &counts.value {
            None => answer.text().trim().parse().ok(),
            Some(pointer) => {
                let json = answer.json()?;
                let value = json.pointer(pointer)?;
                value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
            }
        });
        (number, exchange)
    }
}
