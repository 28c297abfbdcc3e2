//! `prove.stress`: the dearest request is doubled and tripled; the breaking point is known and graceful.
//!
//! - **Hypothesis**: with the dearest request three times as often, and twice as much as it can do of that, it answers what it
//!   can in time, refuses the rest quickly and clearly, and is in order again within seconds after the load fell.
//! - **Sent**: what may be repeated of the mix, in an open loop: see `probes::support::overload`. The dearest is the request that
//!   takes longest at half of the capacity. How much it does is looked for with the mix as declared, and with the dearest
//!   twice and three times as often; the last is then overloaded.
//! - **Decides**: as `border.shed` does, but for Retry-After, which is only told. A mix of one request is unknown: no costs can be
//!   told apart.
//! - **Blast radius**: as for `border.shed`.
//! - **Bound in time**: about 30 s when the capacity is known, 50 s when it is not.

use std::time::Duration;

use crate::clause::prove::stress as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::overload::{self, Generator, Seen, Shown};

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "prove.stress";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Factors of the most expensive request.
const TIMES: [u32; 2] = [2, 3];
/// Of the capacity for the mix with less of the dearest request, where the search for that of another begins: it does at least so much, as
/// a request of the mix costs at most twice as much with twice as many of the dearest.
const BEGIN: f64 = 0.5;
const ONE: &str = "only one request of the mix may be repeated, so that costs cannot be told apart: declare [[requests]] of \
                   different cost, with GET or `idempotent`";

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut evidence = Vec::new();
    match stress(lab, &mut evidence).await {
        Ok((seen, dearest)) => {
            let shown = Shown::of(lab, Some(&dearest), &seen);
            judge(&seen, shown.as_ref(), &evidence)
        }
        Err(reason) => Finding::unknown(ID, reason, evidence),
    }
}

fn judge(seen: &Seen, shown: Option<&Shown>, points: &[Evidence]) -> Finding {
    seen.clone().judge(ID, |seen| {
        let mut evidence = points.to_vec();
        let goodput = Shown::goodput(shown, seen.goodput(clause::GRACEFUL));
        evidence.extend([seen.told(), goodput, Shown::surplus(shown, seen.surplus(clause::GRACEFUL))]);
        evidence.extend([seen.alive(clause::GRACEFUL), seen.quickness(clause::GRACEFUL)].into_iter().flatten());
        evidence.extend(seen.told_when(clause::GRACEFUL).map(|told| clause::GRACEFUL.figure(told.what)));
        evidence.push(seen.recovery(clause::GRACEFUL));
        evidence
    })
}

/// The points at which it breaks, told first, and what was seen beyond the last, with the name of the dearest request.
async fn stress(lab: &mut Lab, evidence: &mut Vec<Evidence>) -> Result<(Seen, String), String> {
    let declared = Generator::of(lab);
    if declared.kinds().len() < 2 {
        return Err(ONE.to_owned());
    }
    let capacity = overload::capacity(lab, overload::MOST).await?;
    let normal = capacity.normal(lab, &declared)?;
    let peace = overload::peace(lab, normal).await?;
    let costs = peace.took(0.5, declared.kinds().len());
    let dearest = dearest(&costs).ok_or(ONE)?;
    let mut breaks = format!("it does {:.0} requests of the mix a second", capacity.rate);
    let (mut strain, mut point) = (declared.clone(), capacity);
    for times in TIMES {
        strain = declared.with_more_of(dearest, times);
        point = overload::find(lab, &strain, BEGIN * point.rate, overload::MOST).await?;
        breaks.push_str(&format!(", {:.0} with {times} times as many of {:?}", point.rate, declared.kinds()[dearest]));
    }
    evidence.extend([
        clause::MULTIPLIED.holds(breaks.clone()),
        clause::KNOWN.holds(breaks),
        clause::KNOWN.figure(told(&declared, &costs)),
    ]);
    let name = declared.kinds()[dearest].to_owned();
    Ok((overload::overload(lab, &strain, point.rate, normal).await?, name))
}

/// The place of the request that takes longest.
fn dearest(costs: &[Option<Duration>]) -> Option<usize> {
    let known = costs.iter().enumerate().filter_map(|(kind, cost)| cost.map(|cost| (cost, kind)));
    known.max().map(|(_, kind)| kind)
}

fn told(generator: &Generator, costs: &[Option<Duration>]) -> String {
    let each = generator.kinds().into_iter().zip(costs);
    let each = each.map(|(name, cost)| match cost {
        Some(cost) => format!("{name:?} {cost:.1?}"),
        None => format!("{name:?} unanswered"),
    });
    format!("at half of the capacity half of the answers take: {}", each.collect::<Vec<_>>().join(", "))
}
