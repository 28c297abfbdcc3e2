//! `call.bad-answers`: bad answers of a dependency become one clear error in bounded time and memory.
//!
//! - **Hypothesis**: for every answer of a dependency, each request that uses it is answered whole and in time, with a clear 5xx or an
//!   answer that says that it is less than usual; memory stays bounded; everything is as before once the dependency is mended.
//! - **Sent**: for each dependency and each way of being bad, at most eight requests that use it at once. Answers that are endless or
//!   oversized (80 MiB) come from a server of the prover's own in the proxy's place, which is stopped when memory has grown by 64 MiB.
//! - **Decides**: no whole answer within the deadline plus 1 s; a 4xx, which blames the caller; a success that carries the bad
//!   bytes, half of the good answer, broken JSON, or other things than in peace without saying so; resident memory that grows by more
//!   than 64 MiB; a process that ends; no recovery within 30 s, unless requests are refused in time without a call,
//!   as by a breaker that stays open: a gap. A success that is the same as in peace, and a fault that no call met,
//!   are gaps; so is an answer that is too long and ended only when the wait for a silent call would have ended, because the bytes may
//!   not have come in that time.
//! - **Blast radius**: the dependency's proxy misbehaves meanwhile, and is mended at the end. The endless answer sends 96 MiB at
//!   most, and then nothing more.
//! - **Bound in time**: for each dependency and fault the deadline plus 5 s; none is begun for which no time is left of 110 s.

use std::time::Duration;

use keel_proxy::Fault;
use keel_wire::http::{Answer, Exchange};

use self::flood::{Flood, TooLong};
use super::support::by_dependency::Timetable;
use super::support::degradation::Said;
use super::support::proxied_dependency::{self, Dependent, GRACE, Met, User};
use crate::clause::Clause;
use crate::clause::call::bad_answers as clause;
use crate::contention;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::{Dependency, Manner, Shows, WithDependency};
use crate::subject::RequestSpec;

mod flood;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.bad-answers";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// By how much resident memory may grow meanwhile, in bytes; what is too long is stopped then.
const MAX_GROWTH: u64 = 64 << 20;
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);
/// Time after the answers for which memory is measured: work may go on behind them.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// Time that a fault takes beside the deadline: for calls, and for a dependency that is not called for a while.
const BESIDE: Duration = Duration::from_secs(5);
/// Number of bytes that are missing from an answer that is broken off late: within its body, for every length.
const LAST_BYTES: u64 = 4;
/// The share of the time that a request waits for a silent call, after which that wait may be what ended it.
const PATIENCE_SPENT: f64 = 0.7;
/// Bytes of an answer that are no longer an answer to anything.
const LONG: u64 = 1 << 20;
/// An answer without its last bytes.
const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"";
/// Text of the bad answers, as it would be seen when it is passed on.
const BAD: [&str; 2] = ["this is not the protocol that you speak", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"];

/// Way in which a dependency is bad.
#[derive(Clone, Debug)]
enum Bad {
    /// By a fault of its proxy.
    Proxy(Fault),
    /// It breaks off before the last bytes of the shortest answer.
    Cut,
    /// It answers only after the deadline.
    Late,
    TooLong(TooLong),
}

impl Bad {
    /// Returns true for an answer of HTTP in the clear, which no client of another protocol understands.
    fn is_of_http(&self) -> bool {
        matches!(self, Self::TooLong(_) | Self::Proxy(Fault::ServerError))
    }

    /// Describes the fault of a dependency that does not speak HTTP in the clear: it meets the first messages of the connection.
    fn elsewhere(&self, told: &'static str) -> &'static str {
        match self {
            Self::Proxy(Fault::Truncate(_)) => "breaks off after 20 bytes",
            Self::Proxy(Fault::LostAnswer) => "takes the first message and closes without an answer",
            _ => told,
        }
    }

    /// Returns true if the fault meets the handshake of TLS instead of the answer within.
    fn is_met_by_handshake(&self) -> bool {
        matches!(self, Self::Proxy(Fault::Truncate(_) | Fault::LostAnswer | Fault::Garbage))
    }
}

/// Returns the gap for a dependency that does not speak HTTP in the clear. Other protocols have no status 500.
fn untried(clause: Clause, bad: &Bad, name: &str, told: &str, scheme: &str) -> Evidence {
    let what =
        format!("{name} that {told} was not tried: it is called at {scheme}://, and that is an answer of plain HTTP");
    match bad {
        Bad::Proxy(_) if scheme != "https" => clause.figure(what),
        _ => clause.gap(what),
    }
}

/// Ways in which the dependency is bad, in this order, with their clauses and descriptions.
const WAYS: [(Bad, Clause, &str); 9] = [
    (Bad::Proxy(Fault::Reset), clause::MISSING, "resets the connection"),
    (Bad::Proxy(Fault::Garbage), clause::GARBAGE, "answers bytes that are not the protocol"),
    (Bad::Proxy(Fault::ServerError), clause::CLEAR_ERROR, "answers 500"),
    (Bad::Proxy(Fault::Truncate(20)), clause::TRUNCATED, "breaks off within the head"),
    (Bad::Cut, clause::TRUNCATED, "breaks off before its last bytes"),
    (Bad::Proxy(Fault::LostAnswer), clause::MISSING, "does the work and loses the answer"),
    (Bad::Late, clause::SLOW, "answers only after the deadline"),
    (Bad::TooLong(TooLong::Endless), clause::ENDLESS, "answers without end"),
    (Bad::TooLong(TooLong::Oversized), clause::OVERSIZED, "answers 80 MiB"),
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let timetable = Timetable::begin();
    let (dependents, mut evidence) = match proxied_dependency::all(ID, lab).await {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    for dependent in &dependents {
        let name = &dependent.name;
        let mut silence = None;
        let scheme = lab.dependency_url(name).map(|url| url.scheme().to_owned()).filter(|scheme| scheme != "http");
        for (bad, clause, told) in WAYS {
            if !timetable.has(lab.subject.deadline + GRACE + BESIDE) {
                evidence.push(clause.gap(format!("{name} that {told} was not tried: the time of the probe was over")));
                continue;
            }
            if let Some(scheme) = scheme.as_ref().filter(|_| bad.is_of_http()) {
                evidence.push(untried(clause, &bad, name, told, scheme));
                continue;
            }
            let told = if scheme.is_some() { bad.elsewhere(told) } else { told };
            if scheme.as_deref() == Some("https") && bad.is_met_by_handshake() {
                let what =
                    format!("{name} is reached over TLS: that it {told} is met by the handshake, not by an answer");
                evidence.push(clause.gap(what));
            }
            // A service that leaves a failing dependency alone would not hear the next fault.
            let again = dependent.recovery(lab, clause::CLEAR_ERROR).await;
            if again.is_against() {
                evidence.push(again);
                return Finding::judge(ID, evidence);
            }
            evidence.extend(examine_way(lab, dependent, (bad, clause), told, &mut silence).await);
            if !lab.process().is_running() {
                evidence.push(clause::CLEAR_ERROR.contradicts(format!("the process ended when {name} {told}")));
                return Finding::judge(ID, evidence);
            }
        }
        evidence.push(dependent.recovery(lab, clause::CLEAR_ERROR).await);
    }
    Finding::judge(ID, evidence)
}

/// Tries one way of being bad. `silence` is how soon a request ends when its call is not answered, once that was seen.
async fn examine_way(
    lab: &mut Lab,
    dependent: &Dependent,
    (bad, clause): (Bad, Clause),
    told: &str,
    silence: &mut Option<Duration>,
) -> Vec<Evidence> {
    let name = &dependent.name;
    let (late, too_long) = (matches!(bad, Bad::Late), matches!(bad, Bad::TooLong(_)));
    let before = lab.process().usage().resident;
    let manner = manner_of(&bad);
    let contention = contention::Watch::begin(lab);
    let (answers, met, most) = match bad {
        Bad::TooLong(kind) => match flooded(lab, dependent, kind, before).await {
            Ok(seen) => seen,
            Err(error) => {
                let what = format!("no server could be put in the place of {name}: {error}");
                return vec![clause.gap(what)];
            }
        },
        Bad::Proxy(fault) => proxied(lab, dependent, fault).await,
        Bad::Cut => {
            let most = dependent.shortest.saturating_sub(LAST_BYTES);
            if most == 0 {
                let what = format!("{name} answers with {} bytes, too few to break off in", dependent.shortest);
                return vec![clause.gap(what)];
            }
            proxied(lab, dependent, Fault::Truncate(usize::try_from(most).unwrap_or(usize::MAX))).await
        }
        Bad::Late => proxied(lab, dependent, Fault::Latency(lab.subject.deadline + GRACE * 2)).await,
    };
    let contention = contention.end();
    dependent.mend(lab).await;
    if late {
        *silence = answers.iter().map(|(_, exchange)| exchange.took).min();
    }
    let patience_ended_it = too_long && answers.iter().any(|(_, exchange)| is_of_patience(exchange.took, *silence));
    let mut evidence = Vec::new();
    let limit = lab.subject.deadline + GRACE;
    for (user, (spec, exchange)) in dependent.users.iter().zip(&answers) {
        let (good, outcome) = judge(exchange, user, limit);
        let what = format!("when {name} {told}, {} {outcome}", spec.name);
        let recipe = manner.clone().and_then(|manner| recipe(lab, name, manner, exchange));
        let excuse = |piece: Evidence| contention.excuse(piece, exchange.took, limit);
        let shown =
            |piece: Evidence| excuse(recipe.clone().into_iter().fold(piece.with(exchange), Evidence::reproduced_by));
        evidence.push(shown(under(clause::CLEAR_ERROR, good, &what, &met)));
        if clause != clause::CLEAR_ERROR {
            let good = good.filter(|good| !(patience_ended_it && *good));
            evidence.push(shown(under(clause, good, &what, &met)));
        }
        let in_time = exchange.answer().is_some() && exchange.took <= limit;
        let what = format!("when {name} {told}, {} ends after {:.1?}", spec.name, exchange.took);
        evidence.push(excuse(under(clause::BOUNDED_TIME, Some(in_time), &what, &met)));
    }
    let growth = most.saturating_sub(before);
    let what = format!("when {name} {told}, resident memory grows by {:.1} MiB", growth as f64 / f64::from(1 << 20));
    let (good, what) = match growth <= MAX_GROWTH {
        true if patience_ended_it => {
            (None, format!("{what}, when its patience with {name} ends: a bound on size was not seen"))
        }
        good => (Some(good), what),
    };
    let piece = under(clause::BOUNDED_MEMORY, good, &what, &met);
    let first = answers.first().filter(|_| too_long);
    evidence.push(
        first
            .and_then(|(_, exchange)| growth_recipe(lab, name, exchange))
            .into_iter()
            .fold(piece, Evidence::reproduced_by),
    );
    evidence
}

/// Returns true if a request that ended after `took` may have ended by the same timeout as one whose call is not answered: what is too long
/// may not have come within it, so that nothing was seen of a bound on its size.
fn is_of_patience(took: Duration, silence: Option<Duration>) -> bool {
    silence.is_some_and(|silence| took >= silence.mul_f64(PATIENCE_SPENT))
}

/// The same by a stand-in, where one of a few lines can do it.
fn manner_of(bad: &Bad) -> Option<Manner> {
    match bad {
        Bad::Proxy(Fault::Reset | Fault::LostAnswer) => Some(Manner::HangsUp),
        Bad::Proxy(Fault::Garbage) => Some(Manner::Answers(BAD[0].as_bytes().to_vec())),
        Bad::Proxy(Fault::ServerError) => Some(Manner::status(500, "")),
        Bad::Proxy(Fault::Truncate(_)) => Some(Manner::Answers(b"HTTP/1.1 200 OK\r\nCon".to_vec())),
        Bad::Late => Some(Manner::Hangs),
        Bad::Cut => Some(Manner::Answers(CUT.as_bytes().to_vec())),
        Bad::Proxy(_) | Bad::TooLong(_) => None,
    }
}

/// Asks again: the same answer, or none, shows what is wrong with it.
fn recipe(lab: &Lab, name: &str, manner: Manner, exchange: &Exchange) -> Option<Recipe> {
    let ask = (exchange.request.clone(), lab.subject.deadline + GRACE);
    let fault = match exchange.status().filter(|_| exchange.took <= ask.1) {
        Some(status) => WithDependency::Answer(Shows::Found(format!("^{}", status.as_u16()))),
        None => WithDependency::NoAnswer,
    };
    Dependency::of(&lab.subject, name, manner, ask, fault)
}

/// Asks again with an answer of 80 MiB from the dependency.
fn growth_recipe(lab: &Lab, name: &str, exchange: &Exchange) -> Option<Recipe> {
    let ask = (exchange.request.clone(), lab.subject.deadline + GRACE);
    let size = usize::try_from(flood::OVERSIZED).ok()?;
    Dependency::of(&lab.subject, name, Manner::Floods(size), ask, WithDependency::MemoryGrows(MAX_GROWTH))
}

/// For the clause or against it when a call met the fault, and something was seen; else a gap.
fn under(clause: Clause, good: Option<bool>, what: &str, met: &Met) -> Evidence {
    match good {
        Some(good) => proxied_dependency::seen_under(clause, good, what, met),
        None => clause.gap(what),
    }
}

/// The answers, whether a call met the fault, and the most memory meanwhile.
type Seen = (Vec<(RequestSpec, Exchange)>, Met, u64);

async fn proxied(lab: &Lab, dependent: &Dependent, fault: Fault) -> Seen {
    let asking = async {
        let seen = dependent.under(lab, fault).await;
        tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
        seen
    };
    let ((answers, met), most) = with_memory(lab, asking, |_| {}).await;
    (answers, met, most)
}

/// The same with a server of our own in the proxy's place, until memory has grown too much.
async fn flooded(lab: &Lab, dependent: &Dependent, kind: TooLong, before: u64) -> std::io::Result<Seen> {
    let Some(proxy) = lab.proxy(&dependent.name) else { return Err(std::io::ErrorKind::NotFound.into()) };
    proxy.set(Fault::Down).await;
    let mut flood = Some(Flood::at(proxy.address(), kind)?);
    let mut heard = 0;
    let asking = async {
        let answers = dependent.answers(lab).await;
        tokio::time::sleep(lab.pace.of(AFTERWARDS)).await;
        answers
    };
    let look = |most: u64| {
        heard = flood.as_ref().map_or(heard, Flood::heard);
        if most.saturating_sub(before) > MAX_GROWTH {
            flood = None;
        }
    };
    let (answers, most) = with_memory(lab, asking, look).await;
    drop(flood);
    Ok((answers, Control::fault_met(heard, &dependent.name), most))
}

/// Returns the result, and the maximum of memory meanwhile; `look` is called with each measurement.
async fn with_memory<T>(lab: &Lab, asking: impl Future<Output = T>, mut look: impl FnMut(u64)) -> (T, u64) {
    let mut most = lab.resident();
    tokio::pin!(asking);
    loop {
        tokio::select! {
            answers = &mut asking => break (answers, most.max(lab.resident())),
            () = tokio::time::sleep(LOOK) => {
                most = most.max(lab.resident());
                look(most);
            }
        }
    }
}

/// Judges that an answer is a clear error, or says that it is less; `None` if that is not seen.
fn judge(exchange: &Exchange, user: &User, limit: Duration) -> (Option<bool>, String) {
    let took = exchange.took;
    let bad = |what: String| (Some(false), what);
    let Some(answer) = exchange.answer() else { return bad(format!("has no whole answer after {took:.1?}")) };
    let status = answer.status.as_u16();
    if took > limit {
        return bad(format!("is answered {status} only after {took:.1?}"));
    }
    let text = answer.text();
    if BAD.iter().any(|bad| text.contains(bad)) || answer.body_length > LONG {
        return bad(format!("is answered {status} with the bad bytes in it"));
    }
    match status {
        500.. => (Some(true), format!("is answered {status}")),
        400.. => bad(format!("is blamed on the caller with {status}")),
        _ if is_broken(answer, &text, user.peace[1].answer()) => {
            bad(format!("is answered {status}, with a broken answer"))
        }
        _ => match user.said(answer) {
            Said::So(by) => (Some(true), format!("is answered {status}, and says by {by} that it is less")),
            Said::Otherwise(what) => bad(format!("is answered {status} with what is made up: {what}")),
            Said::Less(what) => (None, format!("is answered {status} without {what}, and does not say so")),
            Said::AsInPeace => (None, format!("is answered {status} as in peace: it may be from memory")),
            Said::Unclear => (None, format!("is answered {status}, with another text each time")),
        },
    }
}

/// Returns true if a success is only a part: of the answer in peace, or of a JSON text.
fn is_broken(answer: &Answer, text: &str, peace: Option<&Answer>) -> bool {
    let part =
        peace.map(Answer::text).is_some_and(|whole| !text.is_empty() && text != whole && whole.starts_with(text));
    part || answer.header("content-type").contains("json") && answer.json().is_none()
}
