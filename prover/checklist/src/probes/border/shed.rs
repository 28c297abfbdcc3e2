//! `border.shed`: work that cannot be done in time is refused at once, and goodput stays near the peak.
//!
//! - **Hypothesis**: at twice its capacity it answers as much in time as it can, refuses the rest at once with 503 or 429 and
//!   Retry-After, and is in order again within seconds after the load fell.
//! - **Sent**: what may be repeated of the mix, in an open loop: see `probes::support::overload`.
//! - **Decides**: goodput below 70 % of the capacity; more than a tenth of the rest not refused with 503 or 429; a refusal without
//!   Retry-After; more than a tenth of them slower than a quarter of what an answer may take; no order within 5 s after: fall
//!   short. A generator that fell behind, or a service that keeps up with the whole load, is unknown.
//! - **Blast radius**: up to 20,000 requests a second for a second each while the capacity is looked for, and some seconds of
//!   overload; the writes of the mix.
//! - **Bound in time**: about 20 s when the capacity is known, 40 s when it is not.

use crate::clause::border::shed as clause;
use crate::finding::Finding;
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::overload::{self, Shown};

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.shed";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    examine_up_to(lab, overload::MOST).await
}

/// The same, for a service that does at most so many requests a second.
pub async fn examine_up_to(lab: &mut Lab, most: f64) -> Finding {
    let seen = match overload::see(lab, most).await {
        Ok(seen) => seen,
        Err(reason) => return Finding::unknown(ID, reason, Vec::new()),
    };
    let shown = Shown::of(lab, None, &seen);
    let shown = shown.as_ref();
    seen.judge(ID, |seen| {
        let goodput = Shown::goodput(shown, seen.goodput(clause::GOODPUT));
        let mut evidence = vec![seen.told(), goodput, Shown::surplus(shown, seen.surplus(clause::REFUSAL))];
        let told_when = seen.told_when(clause::RETRY_AFTER).map(|piece| Shown::told_when(shown, piece));
        let others = [seen.alive(clause::GOODPUT), told_when, seen.quickness(clause::EARLY_REFUSAL)];
        evidence.extend(others.into_iter().flatten());
        evidence.push(seen.recovery(clause::GOODPUT));
        evidence
    })
}
