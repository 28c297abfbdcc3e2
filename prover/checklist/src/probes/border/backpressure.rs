//! `border.backpressure`: every queue inside is bounded; a full one pushes back to the edge; memory stays flat.
//!
//! - **Hypothesis**: while twice its capacity comes, it stops taking connections in, its memory levels off, and what had queued is
//!   worked off or dropped within seconds after the load fell.
//! - **Sent**: what may be repeated of the mix, in an open loop: see `probes::support::overload`.
//! - **Decides**: no order within 5 s after; with that, open descriptors of its processes that grow in the second half of the
//!   overload by `GROWS` of what came too much meanwhile; resident memory that keeps rising as in `life.steady`: fall short. Growth
//!   from which it comes back in time (its bound may lie higher than the load reached), growth between `LEVEL` and `GROWS`, memory
//!   that rises a little, all connections of keel taken in: unknown, for more would be needed. Who stops accepting lets the rest
//!   wait at its door, where the kernel bounds it: that is no queue inside.
//! - **Blast radius** and **bound in time**: as for `border.shed`.

use std::time::Duration;

use crate::clause::border::backpressure as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::overload::{self, Seen};
use crate::probes::support::steadiness::{Kind, Measure, Trend};

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.backpressure";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Of what comes too much, the share that may go on being taken in when the queues are full.
const LEVEL: f64 = 0.1;
/// The share from which what waits inside grows.
const GROWS: f64 = 0.3;
/// So many descriptors more are no growth.
const FEW: f64 = 8.0;
/// Looks at the descriptors of which the middle one counts.
const LOOKS: usize = 5;
/// Before the end of the overload: nothing is cut off yet.
const MOMENT: Duration = Duration::from_millis(50);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let seen = match overload::see(lab, overload::MOST).await {
        Ok(seen) => seen,
        Err(reason) => return Finding::unknown(ID, reason, Vec::new()),
    };
    let Some(inside) = Inside::of(&seen) else {
        let reason = "what its processes use cannot be read, so that nothing is known of its queues: examine it as the same \
                      user or as root, and let it run in the group in which it is started";
        return Finding::unknown(ID, reason, vec![seen.told()]);
    };
    seen.judge(ID, |seen| {
        let mut evidence = vec![seen.told(), inside.door()];
        let recovery = seen.recovery(clause::PUSH_BACK);
        let inside = inside.evidence(!recovery.is_against());
        evidence.extend([seen.alive(clause::FLAT_MEMORY), Some(inside), memory(seen)].into_iter().flatten());
        evidence.push(recovery);
        evidence
    })
}

/// Requests inside the service, half way through the overload and at its end.
struct Inside {
    half: f64,
    end: f64,
    /// The excess requests in the second half.
    surplus: f64,
    /// Without an answer, half way and at the end.
    waiting: (usize, usize),
    /// The most that keel sends at a time.
    most: usize,
}

impl Inside {
    /// None when nothing is known of its processes.
    fn of(seen: &Seen) -> Option<Self> {
        let (held, lasts) = (&seen.held, seen.held.lasts());
        let looks: Vec<f64> = held
            .usage
            .iter()
            .filter(|(at, used)| *at < lasts && used.descriptors > 0)
            .map(|(_, used)| used.descriptors as f64)
            .collect();
        if looks.len() < 4 * LOOKS {
            return None;
        }
        let middle = |from: usize| {
            let mut some = looks[from..from + LOOKS].to_vec();
            some.sort_by(f64::total_cmp);
            some[LOOKS / 2]
        };
        Some(Self {
            half: middle(looks.len() / 2 - LOOKS / 2),
            end: middle(looks.len() - LOOKS),
            surplus: seen.too_much(lasts / 2),
            waiting: (held.in_flight(lasts / 2), held.in_flight(lasts - MOMENT)),
            most: held.connections(),
        })
    }

    /// Returns the evidence about accepted connections. A bound above the load looks like none: it is against the service only if it does
    /// not recover from the connections that it accepted.
    fn evidence(&self, comes_back: bool) -> Evidence {
        let (half, end, growth) = (self.half, self.end, self.end - self.half);
        let share = growth / self.surplus;
        if growth <= FEW || share <= LEVEL {
            if self.waiting.0 >= self.most {
                let what = format!(
                    "all {} connections that keel opens were waiting: what a larger number does is not known",
                    self.most
                );
                return clause::BOUNDED_QUEUES.gap(what);
            }
            return clause::BOUNDED_QUEUES.holds(format!(
                "it has {half:.0} descriptors open half way and {end:.0} at the end: it takes in no more"
            ));
        }
        let what = format!(
            "it has {half:.0} descriptors open half way and {end:.0} at the end: {:.0} % of the {:.0} requests that came too \
             much meanwhile were taken in, and no bound was seen",
            100.0 * share,
            self.surplus
        );
        match share >= GROWS && !comes_back {
            true => clause::BOUNDED_QUEUES.contradicts(what),
            false => clause::BOUNDED_QUEUES.gap(what),
        }
    }

    /// Returns the evidence about the connections that were not accepted.
    fn door(&self) -> Evidence {
        let (half, end) = self.waiting;
        clause::BOUNDED_QUEUES
            .figure(format!("{half} requests wait for an answer half way, {end} at the end, inside and at its door"))
    }
}

fn memory(seen: &Seen) -> Option<Evidence> {
    let lasts = seen.held.lasts();
    let looks = seen.held.usage.iter().filter(|(at, _)| *at < lasts);
    let points: Vec<(f64, f64)> = looks.map(|(at, used)| (at.as_secs_f64(), used.resident as f64)).collect();
    let measure = Measure::of(Kind::Memory, &points)?;
    let good = match measure.trend {
        Trend::Flat => Some(true),
        Trend::Rising => Some(false),
        Trend::Doubtful => None,
    };
    Some(clause::FLAT_MEMORY.maybe(good, measure.told()))
}
