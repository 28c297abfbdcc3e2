//! `call.deadline`: what is left of the caller's deadline travels with the call.
//!
//! - **Hypothesis**: when a request says how long its caller waits, the call that it causes is given up by then, and carries a
//!   header that says how long is left.
//! - **Sent**: a request that causes one call, to a dependency that never answers: once as it is, to see when the service gives
//!   up by itself; then twice with headers that say that the caller waits a third of that ([`keel_drill::deadline_headers`]), while the
//!   caller in fact waits on. When that does not end the calls, twice from a caller that leaves then, without a word. Last,
//!   with the headers, to a dependency that fails each call after half of what the caller waits.
//! - **Decides**: an answer later than the subject's deadline and a second falls short. With headers: a call that ends by the
//!   middle between what the caller waits and when the service gives up by itself, its request answered by then too, counts as
//!   given up; a header that tells the dependency more than was left, by a quarter of the whole, falls short. Both given up
//!   and each told: holds. Given up but not told in a header that is known: unknown. Not given up, but by callers that leave:
//!   unknown, as the service may know another header. Neither: falls short. Anything mixed: unknown, and so is a service that
//!   gives up too soon by itself for anything to be sooner.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 7 requests, each at most the subject's deadline and 5 s, and before each at most 15 s for a breaker.

use std::time::{Duration, Instant};

use keel_drill::deadline_headers::{self, DeadlineHeader};
use keel_drill::double::{Behaviour, Call};

use super::support::double_in_place::{self, Watched};
use super::support::facts;
use super::support::proxied_dependency::GRACE;
use crate::clause::call::deadline as clause;
use crate::contention::{self, Contention};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::{Dependency, Manner, WithDependency};

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.deadline";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Requests for each way in which a caller shows that it waits no longer.
const TIMES: usize = 2;
/// Deadline of the caller, as a part of the time after which the service gives up by itself.
const PART: u32 = 3;
/// The least that a caller waits: below it the machine's own noise decides.
const LEAST: Duration = Duration::from_millis(200);
/// Time that a breaker that opened at silence is waited for.
const WELL_AGAIN: Duration = Duration::from_secs(15);
/// Time that calls may outlive the answer and still be observed, and time without an open call after which they are over.
const LINGER: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(judge(lab, watched))).await
}

async fn judge(lab: &Lab, watched: &Watched) -> Finding {
    let (name, deadline) = (&watched.name, lab.subject.deadline);
    let mut evidence = Vec::new();
    let unseen = |evidence| {
        Finding::unknown(ID, format!("{name} was not called any more when it was silent"), watched.controlled(evidence))
    };
    let Some(alone) = Silence::meet(lab, watched, Caller::Waits).await else { return unseen(evidence) };
    let what =
        format!("with {name} silent, a request that says nothing {}; the deadline is {deadline:.1?}", alone.told());
    let in_time = alone.answered <= deadline + GRACE;
    let unanswered = recipe(lab, watched, deadline + GRACE, WithDependency::NoAnswer);
    let answered = match in_time {
        true => clause::ABANDONED.figure(what),
        false => unanswered.into_iter().fold(clause::ABANDONED.contradicts(what), Evidence::reproduced_by),
    };
    let answered = alone.contention.excuse(answered, alone.answered, deadline + GRACE);
    evidence.push(answered.fact(facts::answered_while_silent(name, &watched.spec.name), in_time));
    let ended = !alone.is_open && alone.calls_ended <= deadline + GRACE;
    let what = format!("its calls had ended {:.1?} after it was sent", alone.calls_ended);
    evidence.push(clause::ABANDONED.figure(what).fact(facts::calls_end_while_silent(name), ended));
    let by_itself = alone.calls_ended.min(deadline + GRACE);
    // Headers speak in whole milliseconds.
    let waits = Duration::from_millis(u64::try_from((by_itself / PART).as_millis()).unwrap_or(u64::MAX));
    if waits < LEAST {
        let reason =
            format!("calls are given up after {by_itself:.0?} anyhow: nothing shows whether a caller's deadline does");
        return Finding::unknown(ID, reason, watched.controlled(evidence));
    }
    let limit = (waits + by_itself) / 2;
    let mut asked = Vec::new();
    for _ in 0..TIMES {
        let Some(silence) = Silence::meet(lab, watched, Caller::Says(waits)).await else { return unseen(evidence) };
        asked.push(silence);
    }
    let heard: Vec<&Call> = asked.iter().filter_map(|silence| silence.calls.first()).collect();
    let told = heard.iter().filter(|call| !call.patience.is_empty()).count();
    let given_up = asked.iter().filter(|silence| silence.ended_within(limit)).count();
    let said = format!("a request whose caller says that it waits {waits:.1?}");
    let seen = asked.iter().map(Silence::told).collect::<Vec<_>>().join("; ");
    let what = format!("with {name} silent, {said} {seen}");
    evidence.push(match given_up == TIMES {
        true => clause::ABANDONED.holds(what),
        false => clause::ABANDONED.figure(what),
    });
    evidence.extend(asked.iter().flat_map(|silence| silence.too_much(waits)).next());
    if given_up == TIMES {
        evidence.extend(later(lab, watched, waits).await);
        let fixed = says_the_same(&alone, &heard);
        return with_header(watched, &heard, told, fixed, &format!("{said} had its call given up by then"), evidence);
    }
    let falls_short = evidence.iter().any(Evidence::is_against);
    if given_up > 0 && falls_short {
        return Finding::judge(ID, watched.controlled(evidence));
    }
    if given_up > 0 {
        return Finding::unknown(
            ID,
            format!("{given_up} of {TIMES} calls were given up when {said}"),
            watched.controlled(evidence),
        );
    }
    let mut left = Vec::new();
    for _ in 0..TIMES {
        let Some(silence) = Silence::meet(lab, watched, Caller::Leaves(waits)).await else { return unseen(evidence) };
        left.push(silence);
    }
    let given_up = left.iter().filter(|silence| silence.calls_ended <= limit).count();
    let seen: Vec<String> = left.iter().map(|silence| format!("{:.1?}", silence.calls_ended)).collect();
    let what = format!(
        "when a caller left after {waits:.1?}, its call ended after {}; {:.1?} when no caller left",
        seen.join(", "),
        alone.calls_ended
    );
    if given_up == 0 {
        let outlives = recipe(lab, watched, waits, WithDependency::CallOutlives(limit.saturating_sub(waits)));
        let late = outlives.into_iter().fold(clause::ABANDONED.contradicts(what), Evidence::reproduced_by);
        evidence.push(left.iter().fold(late, |piece, one| one.contention.excuse(piece, one.calls_ended, limit)));
        return Finding::judge(ID, watched.controlled(evidence));
    }
    evidence.push(clause::ABANDONED.figure(what.clone()));
    if falls_short {
        return Finding::judge(ID, watched.controlled(evidence));
    }
    let reason = format!("{what}; no header of those that were sent ended it, and it may know another");
    Finding::unknown(ID, reason, watched.controlled(evidence))
}

/// Sends the request again to a silent dependency, from a caller that leaves after `within`.
fn recipe(lab: &Lab, watched: &Watched, within: Duration, fault: WithDependency) -> Option<Recipe> {
    let ask = (lab.fill(&watched.spec), within);
    Dependency::of(&lab.subject, &watched.name, Manner::Hangs, ask, fault)
}

/// The finding when calls are given up: what their headers told.
fn with_header(
    watched: &Watched,
    heard: &[&Call],
    told: usize,
    fixed: bool,
    summary: &str,
    mut evidence: Vec<Evidence>,
) -> Finding {
    let name = &watched.name;
    if let Some(patience) = heard.iter().find_map(|call| least(call)) {
        let all = told == heard.len();
        let what = format!(
            "{told} of {} calls told {name} how long is left, as {}: {:.0?}",
            heard.len(),
            patience.header,
            patience.waits
        );
        evidence.push(match fixed {
            true => clause::PROPAGATED.gap(format!("{what}, and no more when no caller states a deadline")),
            false => clause::PROPAGATED.maybe(all.then_some(true), what),
        });
    }
    if told < heard.len() && evidence.iter().all(|piece| !piece.is_against()) {
        let reason = format!("{summary}, but not each call told {name} how long is left in a header that is known");
        return Finding::unknown(ID, reason, watched.controlled(evidence));
    }
    Finding::judge(ID, watched.controlled(evidence))
}

/// Returns true if the calls carry the same deadline as without one of the caller: then it is the same for every caller.
fn says_the_same(alone: &Silence, heard: &[&Call]) -> bool {
    let alone = alone.calls.first().and_then(least).map(|said| said.waits);
    let asked = heard.iter().filter_map(|call| Some(least(call)?.waits)).max();
    alone.zip(asked).is_some_and(|(alone, asked)| alone <= asked + asked / 10)
}

/// Judges the deadline in calls that come when half of the caller's time is over; `None` if no call came then.
async fn later(lab: &Lab, watched: &Watched, waits: Duration) -> Option<Evidence> {
    watched.well_again(lab, WELL_AGAIN).await;
    watched.set(Behaviour::LateUnavailable(waits / 2));
    watched.double.take_calls();
    let sent = Instant::now();
    lab.http().send(deadline_headers::add(lab.fill(&watched.spec), waits)).await;
    let calls = watched.double.take_calls();
    let repeats = calls.get(1..).unwrap_or_default();
    let (last, told) = repeats.iter().rev().find_map(|call| Some((call, least(call)?)))?;
    let told = format!(
        "a repeat {:.1?} after a request whose caller waits {waits:.1?} said {:.1?} as {}",
        last.at.saturating_duration_since(sent),
        told.waits,
        told.header
    );
    Some(clause::PROPAGATED.saw(repeats.iter().all(|call| !exceeds(call, sent, waits)), told))
}

/// Way in which a caller shows its deadline.
#[derive(Clone, Copy)]
enum Caller {
    /// It does not.
    Waits,
    /// By headers; it waits on.
    Says(Duration),
    /// By closing its connection.
    Leaves(Duration),
}

/// Calls that a request to a silent dependency caused.
struct Silence {
    sent: Instant,
    calls: Vec<Call>,
    /// After how long it was answered, or its caller left.
    answered: Duration,
    /// True if it was answered, and not left or given up.
    is_answered: bool,
    /// After how long its last call had ended.
    calls_ended: Duration,
    /// True if one was still open then.
    is_open: bool,
    /// Contention meanwhile.
    contention: Contention,
}

impl Silence {
    /// None when no call came.
    async fn meet(lab: &Lab, watched: &Watched, caller: Caller) -> Option<Self> {
        watched.well_again(lab, WELL_AGAIN).await;
        watched.set(Behaviour::Hang);
        watched.double.take_calls();
        let contention = contention::Watch::begin(lab);
        let sent = Instant::now();
        let request = lab.fill(&watched.spec);
        let exchange = match caller {
            Caller::Waits => Some(lab.http().send(request).await),
            Caller::Says(waits) => Some(lab.http().send(deadline_headers::add(request, waits)).await),
            // Dropped, and its connection closed, when the time is over.
            Caller::Leaves(waits) => tokio::time::timeout(waits, lab.http().send(request)).await.ok(),
        };
        let is_answered = exchange.is_some_and(|exchange| exchange.answer().is_some());
        let (answered, linger) = (sent.elapsed(), lab.pace.of(LINGER));
        let patience = match caller {
            Caller::Says(_) => answered + linger,
            Caller::Waits | Caller::Leaves(_) => (answered + linger).max(lab.subject.deadline + GRACE),
        };
        // Between a call that failed and its repeat none is open.
        let mut quiet = Instant::now();
        while quiet.elapsed() < linger && sent.elapsed() < patience {
            if watched.double.open() > 0 {
                quiet = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
        let calls = watched.double.take_calls();
        let ended = calls.iter().map(|call| call.ended.unwrap_or_else(Instant::now)).max()?;
        let is_open = calls.iter().any(|call| call.ended.is_none());
        let (calls_ended, contention) = (ended.saturating_duration_since(sent), contention.end());
        Some(Self { sent, calls, answered, is_answered, calls_ended, is_open, contention })
    }

    fn ended_within(&self, limit: Duration) -> bool {
        self.answered <= limit && self.calls_ended <= limit
    }

    fn told(&self) -> String {
        let answered = if self.is_answered { "was answered after" } else { "had no answer after" };
        let ended = if self.is_open { "its call was still open after" } else { "its call ended after" };
        format!("{answered} {:.1?}, {ended} {:.1?}", self.answered, self.calls_ended)
    }

    /// Speaks against the first call that was told more than was left.
    fn too_much(&self, waits: Duration) -> Option<Evidence> {
        let call = self.calls.iter().find(|call| exceeds(call, self.sent, waits))?;
        let said = least(call)?;
        let what = format!(
            "{:.1?} after a request whose caller waits {waits:.1?}, its call said {:.1?} as {}",
            call.at.saturating_duration_since(self.sent),
            said.waits,
            said.header
        );
        Some(clause::PROPAGATED.contradicts(what))
    }
}

/// The soonest that a call says: others may be passed on by who does not know them.
fn least(call: &Call) -> Option<&DeadlineHeader> {
    call.patience.iter().min_by_key(|patience| patience.waits)
}

/// Returns true if the call carries a longer deadline than is left, beyond the difference of clocks.
fn exceeds(call: &Call, sent: Instant, waits: Duration) -> bool {
    let left = waits.saturating_sub(call.at.saturating_duration_since(sent));
    least(call).is_some_and(|said| said.waits > left + waits / 4)
}
