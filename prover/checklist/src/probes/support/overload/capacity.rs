//! Capacity of a service: the load is raised in an open loop until the throughput stays behind it.

use std::time::Duration;

use super::generator::{Generator, Sending};
use crate::lab::Lab;
use crate::lab::capacity::Capacity;

/// Requests a second of the first step, where no load is declared.
pub(super) const BEGIN: f64 = 8.0;
/// Of the capacity: a load under which everything must be in order.
const NORMAL: f64 = 0.5;
/// So many times of what it takes in peace are in time, where nothing is declared.
const SLOWER: u32 = 5;
/// The same at least.
const PATIENT: Duration = Duration::from_secs(1);
/// A declared latency above this would take a longer overload than a probe has time for.
const LONGEST: Duration = Duration::from_secs(10);
/// The least requests a second of the first step.
const LEAST: f64 = 2.0;
/// From one step to the next.
const RAISE: f64 = 2.0;
/// Minimum duration of a step.
const STEP: Duration = Duration::from_secs(1);
/// Maximum duration of a step.
const LONG_STEP: Duration = Duration::from_secs(3);
/// So many requests a step has, when its length allows.
const REQUESTS: f64 = 24.0;
/// A throughput below this part of the load stays behind it.
const STAYS_BEHIND: f64 = 0.8;
/// The share of the quickest answers, by which it is told what an answer takes in peace.
const QUICKEST: f64 = 0.1;

/// A load that everything must be in order under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normal<'a> {
    pub(crate) generator: &'a Generator,
    pub(crate) rate: f64,
    pub(crate) objective: Duration,
}

/// Raises the load from this rate on, up to `most`.
///
/// # Errors
/// Why it cannot be told, with what to do.
pub(crate) async fn find(lab: &Lab, generator: &Generator, begin: f64, most: f64) -> Result<Capacity, String> {
    let mut rate = begin.clamp(LEAST, most);
    let first = step(lab, generator, rate).await?;
    let kinds = generator.kinds();
    if let Some(kind) = first.unanswered(kinds.len()) {
        return Err(format!(
            "of {rate:.0} requests a second no {:?} is answered as expected: mend the mix, or what it expects",
            kinds[kind]
        ));
    }
    let peace = first.took(QUICKEST, kinds.len()).into_iter().flatten().max().unwrap_or_default();
    let mut best = first.throughput(peace);
    let mut done = best;
    while done >= STAYS_BEHIND * rate {
        if rate * RAISE > most {
            return Err(format!(
                "it keeps up with {rate:.0} requests a second, and more than {most:.0} are not sent from here: it was not \
                 overloaded; examine it where it has less to work with, or with dearer requests"
            ));
        }
        rate *= RAISE;
        done = step(lab, generator, rate).await?.throughput(peace);
        best = best.max(done);
    }
    // Who collapses did more just below.
    let between = rate / RAISE.sqrt();
    best = best.max(step(lab, generator, between).await?.throughput(peace));
    Ok(Capacity { rate: best, peace })
}

async fn step(lab: &Lab, generator: &Generator, rate: f64) -> Result<Sending, String> {
    let lasts = Duration::from_secs_f64(REQUESTS / rate).clamp(STEP, LONG_STEP);
    let sending = generator.send(lab, rate, lasts, None).await?;
    sending.on_schedule(lasts)?;
    Ok(sending)
}

/// Within this an answer is in time.
pub(crate) fn objective(lab: &Lab, peace: Duration) -> Duration {
    let objective = lab.subject.load.map_or_else(|| PATIENT.max(SLOWER * peace), |load| load.p99);
    objective.min(lab.subject.deadline)
}

impl Capacity {
    /// The load under which everything must be in order.
    ///
    /// # Errors
    /// When an answer may take so long that no overload of this length shows anything.
    pub(crate) fn normal<'a>(&self, lab: &Lab, generator: &'a Generator) -> Result<Normal<'a>, String> {
        let objective = objective(lab, self.peace);
        if objective > LONGEST {
            return Err(format!(
                "an answer may take {objective:.1?}, and an overload of some seconds shows nothing of that; declare a p99 of at \
                 most {LONGEST:?} in [load], or a mix of quicker requests"
            ));
        }
        Ok(Normal { generator, rate: NORMAL * self.rate, objective })
    }
}
