//! `prove.attack`: the suite of attacks of [`keel_drill::attack`], with small bounds, and a bystander beside each.
//!
//! - **Hypothesis**: each attack that applies gets an answer that a correct server may give, and a bystander at another address
//!   is served meanwhile and afterwards.
//! - **Sent**: the bystander's request in peace, once; every attack, `LANES` at a time, but those that are about what a service can bear (`ON_CAPACITY`) come after them, two at a time at most;
//!   what did not hold beside others is repeated alone, and only that counts. Attacks on requests with an effect are made with
//!   those that were declared, and only when `state = "durable"` is: [`Leave`]. No login can be declared, so none is tried.
//! - **Decides**: one that fell alone falls short, and the attribute that mends it is named. One that could not be told or had no
//!   time is unknown, and so are attacks on effects of a service whose state is not declared: then nothing holds.
//! - **Blast radius**: the service's connections, memory and CPU, for seconds; declared writes, some thirty times.
//! - **Bound in time**: none begins after `BUDGET`, and each is given up after `EACH`; about half a minute against one that answers.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, StreamExt, stream};
use keel_drill::attack::{self, Attack, AttackResult, AttackVerdict, Bounds, Health, Mark, Refusal, Target};

pub mod declared;
#[cfg(test)]
mod judge_tests;
mod mend;
mod recipe;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use self::declared::Leave;
use crate::clause::Clause;
use crate::clause::prove::attack as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::State;

const ID: &str = "prove.attack";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Attacks at a time: each waits for answers and for its bystander most of the time.
const LANES: usize = 8;
/// No attack begins later.
const BUDGET: Duration = Duration::from_secs(75);
/// No attack takes longer.
const EACH: Duration = Duration::from_secs(30);
/// Bounds of each attack: more connections than the usual limits of a process or a worker (1,024).
pub const BOUNDS: Bounds = Bounds {
    connections: 1_200,
    requests: 5_000,
    rate: 2_500,
    duration: Duration::from_secs(3),
    bytes: 64 << 20,
    answer: Duration::from_secs(3),
};
/// Attacks on the capacity of the service, beside no others but each other: two that hold connections and wait, or one that works it hard.
const ON_CAPACITY: [&[&str]; 5] = [
    &["slow-headers", "h2-window-stall"],
    &["slow-body", "idle"],
    &["slow-read"],
    &["connection-flood"],
    &["h2-rapid-reset"],
];
/// The attacks of many messages, each of which a server may let wait for its rest.
const WAITING: &str = "smuggle-";
/// So many times as long as `BOUNDS` says for the others, which mostly wait: a server may let every message wait for its rest.
const ASKING: u32 = 4;
/// Attacks with bodies that the service reads.
const OF_BODIES: [&str; 4] = ["json-depth", "json-width", "gzip-bomb", "long-body"];
/// Attacks with requests that have an effect, or with the objects that they created.
const OF_EFFECTS: [&str; 4] = ["cross-site", "key-replay", "key-race", "id-enumeration"];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let suite: Vec<&'static Attack> = attack::all().iter().collect();
    examine_with(lab, &suite, &BOUNDS).await
}

/// Examines the running subject with some of the attacks and other bounds.
pub async fn examine_with(lab: &mut Lab, suite: &[&'static Attack], bounds: &Bounds) -> Finding {
    let target = declared::target(lab, Leave::of(lab.subject.state)).await;
    let peace = lab.http().send(target.read.clone()).await;
    if peace.status().is_none_or(|status| status.is_server_error()) {
        let evidence = Evidence::note("a harmless request is not answered even in peace").with(&peace);
        return Finding::unknown(ID, "it does not answer in peace", vec![evidence]);
    }
    let until = Instant::now() + BUDGET;
    let peace = match attack::peace(&target, bounds).await {
        Ok(peace) => peace,
        Err(refusal) => return Finding::unknown(ID, refusal.to_string(), Vec::new()),
    };
    let campaign = Campaign { target, bounds: *bounds, until, peace };
    match campaign.carry_out(lab, suite).await {
        Ok(outcomes) => told(lab.subject.state, &campaign.target, outcomes),
        Err(refusal) => Finding::unknown(ID, refusal.to_string(), Vec::new()),
    }
}

/// Attacks on one target.
struct Campaign {
    target: Target,
    bounds: Bounds,
    /// None begins later.
    until: Instant,
    /// The health of a bystander before the first attack; none when it was not served then.
    peace: Option<Health>,
}

impl Campaign {
    /// Every attack once, some twice; in the order of the suite.
    async fn carry_out(&self, lab: &mut Lab, suite: &[&'static Attack]) -> Result<Vec<AttackResult>, Refusal> {
        let of = |ids: &[&str]| suite.iter().copied().filter(|attack| ids.contains(&attack.id)).collect::<Vec<_>>();
        let mut beside: Vec<&'static Attack> =
            suite.iter().copied().filter(|attack| !is_on_capacity(attack.id)).collect();
        // Those that wait longest begin first.
        beside.sort_by_key(|attack| !attack.id.starts_with(WAITING));
        let lane = |attack: &'static Attack| async move { (attack, self.run(attack).await) }.boxed();
        let runs: Vec<BoxFuture<'_, _>> = beside.into_iter().map(lane).collect();
        // A long attack keeps its own lane, and no other.
        let lanes = stream::iter(runs).buffer_unordered(LANES);
        let (mut outcomes, mut again) = (Vec::new(), Vec::new());
        for (attack, outcome) in lanes.collect::<Vec<_>>().await {
            let outcome = outcome?;
            if is_settled(&outcome) {
                outcomes.push(outcome);
            } else {
                again.push(attack);
            }
        }
        for ids in ON_CAPACITY {
            let attacks = of(ids);
            if lab.ensure_running().await.is_err() || attacks.len() < 2 {
                again.extend(attacks);
                continue;
            }
            let ran = join_all(attacks.iter().map(|attack| self.run(attack))).await;
            let ran = ran.into_iter().collect::<Result<Vec<_>, _>>()?;
            // What each one did is known only where neither did anything.
            if ran.iter().all(is_settled) {
                outcomes.extend(ran);
            } else {
                again.extend(attacks);
            }
        }
        for attack in again {
            let outcome = match lab.ensure_running().await {
                Ok(_) => self.run(attack).await?,
                Err(failure) => untold(attack.id, format!("the service could not be started again: {failure}")),
            };
            outcomes.push(outcome);
        }
        outcomes.sort_by_key(|outcome| suite.iter().position(|attack| attack.id == outcome.id));
        Ok(outcomes)
    }

    async fn run(&self, attack: &'static Attack) -> Result<AttackResult, Refusal> {
        if Instant::now() > self.until {
            return Ok(untold(attack.id, format!("not tried: the attacks before it took {BUDGET:?}")));
        }
        let mut bounds = self.bounds;
        if !is_on_capacity(attack.id) {
            bounds.duration *= ASKING;
        }
        let run = tokio::time::timeout(EACH, attack::run_after(attack, &self.target, &bounds, self.peace));
        run.await.unwrap_or_else(|_| Ok(untold(attack.id, format!("it was given up after {EACH:?}"))))
    }
}

fn is_on_capacity(id: &str) -> bool {
    ON_CAPACITY.iter().any(|ids| ids.contains(&id))
}

/// Returns true if the outcome beside other attacks is evidence about this one alone.
fn is_settled(outcome: &AttackResult) -> bool {
    let served = outcome.bystander.as_ref().is_some_and(|bystander| bystander.suffering().is_none());
    match outcome.verdict {
        AttackVerdict::Held | AttackVerdict::NotApplicable => true,
        AttackVerdict::Fell => false,
        AttackVerdict::Unknown => served,
    }
}

fn untold(id: &'static str, reason: String) -> AttackResult {
    AttackResult { id, verdict: AttackVerdict::Unknown, reason, evidence: Vec::new(), bystander: None, memory: None }
}

/// Interprets an outcome for a service with this declaration.
fn in_light_of(state: State, target: &Target, mut outcome: AttackResult) -> AttackResult {
    let no_body = state == State::None && target.body.is_none();
    if outcome.verdict == AttackVerdict::Unknown && no_body && OF_BODIES.contains(&outcome.id) {
        outcome.verdict = AttackVerdict::NotApplicable;
        outcome.reason = format!("state = \"none\" and no request with a body are declared ({})", outcome.reason);
    }
    let no_effect = state != State::None && target.write.is_none();
    if outcome.verdict == AttackVerdict::NotApplicable && no_effect && OF_EFFECTS.contains(&outcome.id) {
        outcome.verdict = AttackVerdict::Unknown;
        outcome.reason =
            "no request with an effect may be sent: declare state = \"durable\" and one in [[requests]], or \
                          state = \"none\""
                .to_owned();
    }
    outcome
}

fn told(state: State, target: &Target, outcomes: Vec<AttackResult>) -> Finding {
    let outcomes: Vec<AttackResult> = outcomes.into_iter().map(|outcome| in_light_of(state, target, outcome)).collect();
    Finding::judge(ID, outcomes.iter().map(|outcome| recipe::shown(target, outcome, evidence(outcome))).collect())
}

/// One attack, with what was sent and what came of the first thing that was wrong.
fn evidence(outcome: &AttackResult) -> Evidence {
    let clause = clause_of(outcome.id);
    let mut what = format!("{} {}: {}", outcome.id, outcome.verdict, outcome.reason);
    let decided = matches!(outcome.verdict, AttackVerdict::Held | AttackVerdict::Fell);
    if let Some(bystander) = outcome.bystander.as_ref().filter(|_| decided) {
        let (before, during) = (&bystander.before, &bystander.during);
        what.push_str(&format!(
            "; the bystander's median went from {:.1?} to {:.1?}, {} of its {} requests failed",
            before.p50, during.p50, during.errors, during.requests
        ));
    }
    let wrong = outcome.evidence.iter().find(|piece| piece.mark == Mark::Wrong && !piece.came_back.is_empty());
    let piece = match outcome.verdict {
        AttackVerdict::Held => clause.holds(what),
        AttackVerdict::Fell => clause.contradicts(format!("{what} (mend by {})", mend::by(outcome.id))),
        AttackVerdict::Unknown => clause.gap(what),
        AttackVerdict::NotApplicable => clause.figure(what),
    };
    match wrong {
        Some(wrong) => piece.exchanged(&wrong.sent, &wrong.came_back),
        None => piece,
    }
}

/// The clause that an attack is about.
fn clause_of(attack: &str) -> Clause {
    match attack {
        "slow-headers" | "slow-body" | "slow-read" | "idle" | "h2-window-stall" => clause::SLOW_CLIENTS,
        "id-enumeration" | "login-brute-force" => clause::ENUMERATION,
        "key-replay" | "key-race" | "cross-site" => clause::REPLAY,
        "path-traversal" | "method-confusion" | "host-confusion" => clause::INJECTION,
        other if other.starts_with("smuggle") => clause::SMUGGLING,
        _ => clause::FLOODS,
    }
}
