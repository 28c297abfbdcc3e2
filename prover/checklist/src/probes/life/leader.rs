//! `life.leader`: work that one instance must do is led by one of them, with a fence; one that was paused past its lease harms nothing.
//!
//! - **Hypothesis**: of two instances one leads; another one leads soon after it is paused or killed, with a higher fence; one that goes on
//!   after a pause knows soon that it leads no more, and each work is done once all the while.
//! - **Sent**: the request of `[leader]` to two instances on the same data: in peace; `WORKS` while the leader is paused (SIGSTOP) and another
//!   one leads; `WORKS` when the paused one goes on (SIGCONT); `WORKS` after a SIGKILL of the leader.
//! - **Decides**: two instances that lead at once in peace, or none; no other leader `within` a pause or a kill; a fence that does not rise; an
//!   instance that says that it leads `KNOWS` after its pause beside another one; a number of done works that is not that of the works.
//! - **Blast radius**: the works are done; a second instance is started and stopped; the leader is paused and killed. The service is stopped at
//!   the end.
//! - **Bound in time**: a start, and two take-overs of `within` at most; with a lease of three seconds about ten.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::Exchange;

use self::instance::{Instance, Pair, SIGCONT, SIGSTOP};
use self::judge::{Paused, elected, fences, paused, taken_over};
use crate::clause::life::leader as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};
use crate::probes::ratchet::support::{number_from, still};
use crate::subject::{Leader, RequestSpec};

mod instance;
mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "life.leader";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Works at a time.
const WORKS: usize = 5;
/// Time in which an instance must know that it leads no more, once it goes on after a pause.
const KNOWS: Duration = Duration::from_secs(2);
/// Pauses at most: nothing is under way, and yet one may meet a renewal, whose lock an embedded database keeps meanwhile.
const PAUSES: usize = 2;
/// Time for which the number of works must stay as it is.
const STILL: Duration = Duration::from_millis(300);
/// The least bound of a take-over, at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Examines two instances of the subject; stops both.
pub async fn examine(lab: &mut Lab) -> Finding {
    let declared = lab.subject.leader.clone();
    let named = |name: &str| lab.subject.requests.iter().chain(&lab.subject.work).find(|spec| spec.name == name);
    let spec = declared.as_ref().and_then(|declared| named(&declared.request)).cloned();
    let (Some(declared), Some(spec)) = (declared, spec) else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "no work is known that one instance must do: declare in [leader] a second instance, and where it shows who leads";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    let pair = match Pair::start(lab, &declared).await {
        Ok(pair) => pair,
        Err(reason) => return Finding::unknown(ID, reason, Vec::new()),
    };
    let finding = match judged(lab, &spec, &declared, &pair).await {
        Ok(evidence) => Finding::judge(ID, evidence),
        Err(reason) => Finding::unknown(ID, reason.clone(), vec![Evidence::gap(reason)]),
    };
    // One that is stopped still would not end in order.
    pair.signal(lab, Instance::First, SIGCONT);
    pair.end(lab).await;
    lab.stop().await;
    finding
}

/// The works that were asked for, and the number of those that are done.
struct Works {
    asked: usize,
    before: f64,
    by: f64,
}

/// # Errors
/// When nothing can be seen: why.
async fn judged(lab: &Lab, spec: &RequestSpec, declared: &Leader, pair: &Pair) -> Result<Vec<Evidence>, String> {
    let within = within(lab, declared);
    let (leader, other) = first_leader(pair, within).await?;
    let (mut works, control) = peace(lab, spec, declared, pair, leader, within).await?;
    let shown = pair.shown().await;
    let mut evidence = vec![clause::ELECTED.saw(elected(&shown).0, elected(&shown).1).by(&control)];
    let mut terms = vec![shown[leader.place()].fence];

    let mut took = None;
    for _ in 0..PAUSES {
        pair.signal(lab, leader, SIGSTOP);
        let begun = Instant::now();
        took = pair.until(other, within, |shown| shown.leads).await.map(|_| begun.elapsed());
        if took.is_some() {
            break;
        }
        pair.signal(lab, leader, SIGCONT);
        tokio::time::sleep(lab.pace.of(STILL)).await;
    }
    let asked = ask(lab, spec, pair, other).await;
    works.asked += asked;
    let left = works.left(lab, declared, pair, other, within).await;
    let (is_good, what) = taken_over("paused", took, within, asked, left);
    evidence.push(clause::ELECTED.saw(is_good, what).by(&control));
    if took.is_none() {
        evidence.push(clause::PAUSED.gap("no other instance led: the one that was paused could harm nobody"));
        return Ok(evidence);
    }
    terms.push(pair.shown_by(other).await.fence);

    pair.signal(lab, leader, SIGCONT);
    let begun = Instant::now();
    works.asked += ask(lab, spec, pair, other).await;
    let knows = pair.until(leader, KNOWS, |shown| shown.is_answered && !shown.leads).await.map(|_| begun.elapsed());
    let left = works.left(lab, declared, pair, other, within).await;
    let seen = Paused { knows, bound: KNOWS, left, fence: pair.shown_by(leader).await.fence.zip(terms[1]) };
    let (is_good, what) = paused(&seen);
    evidence.push(clause::PAUSED.saw(is_good, what).by(&control));

    // The one that leads now; should both say so, the later one.
    pair.kill(lab, other).await?;
    let begun = Instant::now();
    let took = pair.until(leader, within, |shown| shown.leads).await.map(|_| begun.elapsed());
    let asked = ask(lab, spec, pair, leader).await;
    works.asked += asked;
    let left = works.left(lab, declared, pair, leader, within).await;
    let (is_good, what) = taken_over("killed", took, within, asked, left);
    evidence.push(clause::ELECTED.saw(is_good, what).by(&control));
    terms.push(pair.shown_by(leader).await.fence);
    let (is_good, what) = fences(&terms);
    evidence.push(clause::FENCE.maybe(is_good, what).by(&control));
    Ok(evidence)
}

/// The instance that leads, and the other one.
async fn first_leader(pair: &Pair, within: Duration) -> Result<(Instance, Instance), String> {
    let begun = Instant::now();
    while begun.elapsed() < within {
        let shown = pair.shown().await;
        match (shown[0].leads, shown[1].leads) {
            (true, _) => return Ok((Instance::First, Instance::Second)),
            (false, true) => return Ok((Instance::Second, Instance::First)),
            (false, false) => tokio::time::sleep(LOOK).await,
        }
    }
    Err(format!("no instance shows {within:.0?} after the start that it leads: check `read` and `leads` of [leader]"))
}

/// Asks for works while one instance leads: each moves the number once.
async fn peace(
    lab: &Lab,
    spec: &RequestSpec,
    declared: &Leader,
    pair: &Pair,
    leader: Instance,
    within: Duration,
) -> Result<(Works, Control), String> {
    let number = || number_from(lab, pair.client_of(leader, declared.effect.admin), &declared.effect);
    let path = &declared.effect.read;
    let before =
        still(within, number).await.ok_or_else(|| format!("{path} shows no number: check `effect` of [leader]"))?;
    let asked = ask_for(lab, spec, pair, leader, 1).await;
    let begun = Instant::now();
    let mut by = 0.0;
    while by == 0.0 && begun.elapsed() < within {
        tokio::time::sleep(LOOK).await;
        by = number().await.unwrap_or(before) - before;
    }
    let mut works = Works { asked, before, by };
    works.asked += ask(lab, spec, pair, leader).await;
    let (asked, left) = (works.asked, works.left(lab, declared, pair, leader, within).await);
    let what = format!("in peace {asked} works of {} move the number at {path} once each", spec.name);
    let otherwise = format!(
        "{asked} works of {} do not move the number at {path} once each ({left} are left): check `request` and `effect` of [leader]",
        spec.name
    );
    let control = Control::seen(asked == WORKS + 1 && by != 0.0 && left == 0.0, what, otherwise);
    control.map(|control| (works, control)).map_err(|failed| failed.what)
}

/// Asks an instance for works at once; the number of those that were acknowledged.
async fn ask(lab: &Lab, spec: &RequestSpec, pair: &Pair, instance: Instance) -> usize {
    ask_for(lab, spec, pair, instance, WORKS).await
}

async fn ask_for(lab: &Lab, spec: &RequestSpec, pair: &Pair, instance: Instance, works: usize) -> usize {
    let client = pair.client_of(instance, false);
    let exchanges = join_all((0..works).map(|_| client.send(lab.fill(spec)))).await;
    let is_done = |exchange: &Exchange| exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
    exchanges.iter().filter(|exchange| is_done(exchange)).count()
}

impl Works {
    /// The works that are not done, once none is left and it stays so, or after the bound; below zero when more are done than were asked for.
    async fn left(&self, lab: &Lab, declared: &Leader, pair: &Pair, instance: Instance, within: Duration) -> f64 {
        let client = pair.client_of(instance, declared.effect.admin);
        let (begun, mut since) = (Instant::now(), Instant::now());
        loop {
            let now = number_from(lab, client, &declared.effect).await.unwrap_or(f64::NAN);
            let left = self.asked as f64 - (now - self.before) / self.by;
            if left != 0.0 {
                since = Instant::now();
            }
            if since.elapsed() >= lab.pace.of(STILL) || begun.elapsed() >= within {
                return left;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn within(lab: &Lab, declared: &Leader) -> Duration {
    lab.pace.of(declared.within).max(LEAST_WITHIN)
}
