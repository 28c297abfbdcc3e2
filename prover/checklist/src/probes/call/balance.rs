//! `call.balance`: calls are spread over the instances of a dependency, and a bad one is left alone until it is well.
//!
//! - **Hypothesis**: with three instances each gets a good part of the calls; one that becomes slow, or fails, gets few of them soon,
//!   and requests go on being answered; when it is well it gets calls again.
//! - **Sent**: a read that uses the dependency, 40 a second: for 3 s in peace; for 10 s while one instance answers 503; then 10 a second,
//!   at most 90 s, until it is called again and all three are well; for 10 s while another one answers a second late. The parts of 10 s
//!   end as soon as the instance has been clearly left alone for 3 s.
//! - **Decides**: in peace an instance with less than a ninth of the calls (a third of its part) falls short: also where a hash of the
//!   request says who is called, as it is one request. So does a slow one that has a quarter or more of the calls in the last 5 s, a
//!   failing one with more than a tenth in the last 5 s, more than one in fifty requests that is not answered as declared in
//!   these 5 s; where all of these are right for 3 s before, they hold. A mended one without a call is a gap, as it may be left alone for longer. A service whose calls are not seen, or that is not well in peace: unknown.
//! - **Blast radius**: the service is started again with three doubles in the dependency's place, and stopped at the end.
//! - **Bound in time**: 23 s of load, 90 s of waiting, and the subject's deadline for each.

use std::time::{Duration, Instant};

use keel_drill::double::Behaviour;

use super::support::instances::{Load, Three};
use crate::clause::call::balance as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.balance";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Between two requests of the load.
const EVERY: Duration = Duration::from_millis(25);
/// Requests in 5 s of it, and in 3 s.
const FIVE_SECONDS: u32 = 200;
const THREE_SECONDS: u32 = 120;
const ONE_SECOND: u32 = 40;
/// Seconds within which an instance that is slow or fails must be left alone.
const EJECTED: u32 = 5;
/// Delay of a slow instance.
const LATE: Duration = Duration::from_secs(1);
/// The least share of one that is well, and the most of one that is slow or fails.
const LEAST: f64 = 1.0 / 9.0;
const SLOW: f64 = 0.25;
const FAILING: f64 = 0.1;
/// One request in so many may fail while an instance does.
const ONE_IN: usize = 50;
/// Time that a repaired instance is waited for.
const BACK: Duration = Duration::from_secs(90);
/// Between two requests meanwhile, and how many at a time.
const SPARSE: Duration = Duration::from_millis(100);
const A_SECOND: u32 = 10;

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let three = match Three::start(ID, lab, "many", |declared| declared.many.as_ref()).await {
        Ok(three) => three,
        Err(finding) => return finding,
    };
    let mut value = three.declared.many.clone().unwrap_or_default();
    for (place, double) in three.doubles.iter().enumerate() {
        value = value.replace(&format!("{{{}}}", place + 1), &double.address().to_string());
    }
    let finding = match three.serve(ID, lab, value).await {
        Ok(()) => judge(lab, &three).await,
        Err(finding) => finding,
    };
    lab.stop().await;
    finding.also(three.left_out)
}

async fn judge(lab: &Lab, three: &Three) -> Finding {
    let name = &three.declared.name;
    let load = three.load(lab, EVERY, THREE_SECONDS).await;
    let told = load.told();
    let seen = load.failed == 0 && load.calls.iter().sum::<usize>() >= load.requests / 2;
    let otherwise = format!("in peace {told}: what becomes of calls is not seen");
    let peace = match Control::seen(seen, format!("in peace {told}"), otherwise) {
        Ok(peace) => peace,
        Err(failed) => return Finding::unknown(ID, failed.what, Vec::new()),
    };
    let spread = is_spread(&load);
    let mut evidence = vec![clause::SPREAD.saw(spread, format!("with three instances of {name} {told}")).by(&peace)];
    if !spread {
        return Finding::judge(ID, evidence);
    }
    let (pieces, settled) = failing(lab, three).await;
    evidence.extend(pieces.map(|piece| piece.by(&peace)));
    if settled {
        evidence.push(slow(lab, three).await.by(&peace));
    } else {
        let what =
            format!("no instance was made slow: {BACK:?} after one had failed, not all three were called and well");
        evidence.push(clause::EJECTION.gap(what));
    }
    Finding::judge(ID, evidence)
}

/// One instance fails, is mended, and is waited for. Whether all three are called and well at the end.
async fn failing(lab: &Lab, three: &Three) -> ([Evidence; 2], bool) {
    three.set(1, Behaviour::Unavailable(None));
    let (load, after) = once_ejected(lab, three, 1, FAILING).await;
    let what = format!("with the second one answering 503, after {after} s {}", load.told());
    let left_alone = clause::EJECTION.saw(is_spared(&load, 1, FAILING), what);
    three.set(1, Behaviour::Pass);
    three.take();
    let (since, mut called, mut settled) = (Instant::now(), None, false);
    while !settled && since.elapsed() < BACK {
        let load = three.load(lab, SPARSE, A_SECOND).await;
        if load.calls[1] > 0 && called.is_none() {
            called = Some(since.elapsed());
        }
        settled = load.calls.iter().all(|calls| *calls > 0) && load.failed == 0;
    }
    let back = match called {
        Some(after) => clause::RETURN.holds(format!("it was called again {after:.0?} after it was mended")),
        None => clause::RETURN.gap(format!(
            "it was not called again within {BACK:?} after it was mended: it may be left alone for longer"
        )),
    };
    ([left_alone, back], settled)
}

/// One instance becomes slow.
async fn slow(lab: &Lab, three: &Three) -> Evidence {
    three.set(0, Behaviour::Late(LATE));
    let (load, after) = once_ejected(lab, three, 0, SLOW).await;
    let what = format!("with the first one {LATE:?} late, after {after} s {}", load.told());
    clause::EJECTION.saw(is_spared(&load, 0, SLOW), what)
}

/// The load of 3 s from the second on in which the instance is clearly left alone; where there is none, that of 5 s after `EJECTED` seconds. And after how many
/// seconds it began. What speaks against the service counts only from then on: an earlier load may have begun too early.
async fn once_ejected(lab: &Lab, three: &Three, place: usize, most: f64) -> (Load, u32) {
    let mut after = 0;
    while after < EJECTED {
        let second = three.load(lab, EVERY, ONE_SECOND).await;
        after += 1;
        if is_spared(&second, place, most / 2.0) && after < EJECTED {
            let load = second.and(three.load(lab, EVERY, THREE_SECONDS - ONE_SECOND).await);
            if is_spared(&load, place, most) {
                return (load, after - 1);
            }
            after += THREE_SECONDS / ONE_SECOND - 1;
        }
    }
    (three.load(lab, EVERY, FIVE_SECONDS).await, after)
}

/// Returns true if each of three instances that are well has its share of the calls.
fn is_spread(load: &Load) -> bool {
    (0..3).all(|place| load.share(place) >= LEAST)
}

/// Returns true if one instance has at most this share of the calls, and requests are answered all the same.
fn is_spared(load: &Load, place: usize, most: f64) -> bool {
    load.share(place) <= most && is_well(load)
}

fn is_well(load: &Load) -> bool {
    load.failed <= load.requests / ONE_IN
}
