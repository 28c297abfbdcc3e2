//! A declared `read` that is the same for every write, such as a count or a sum: it rises with each write, and shows after a kill
//! whether one is missing or took effect twice.

use std::collections::BTreeMap;

use keel_wire::http::{Exchange, Request};

use super::kinds::Kind;
use super::read_back::read;
use super::values;
use crate::clause::life::kill as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;

/// Number of writes of each kind in peace: each changes the number by the same.
const TIMES: usize = 3;
/// Numbers are compared to so much of themselves.
const EXACTLY: f64 = 1e-9;

/// A reading, and by how much each kind of write changes each of its numbers.
#[derive(Debug)]
pub(super) struct Counts {
    /// The kind that declares it.
    kind: usize,
    read: Request,
    /// By the place of the number: what each kind adds to it.
    steps: BTreeMap<String, Vec<f64>>,
    control: Control,
}

/// The numbers of a reading before a round.
pub(super) type Numbers = BTreeMap<String, f64>;

/// Number of writes of a kind that took effect in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Acknowledged.
    pub(super) done: usize,
    /// Cut off or answered with a fault: they took effect or not.
    pub(super) unsure: usize,
}

/// A number after a kill, and between which it must be.
#[derive(Clone, Debug, PartialEq)]
struct Judged {
    place: String,
    now: Option<f64>,
    least: f64,
    most: f64,
}

impl Judged {
    fn lacks(&self) -> bool {
        self.now.is_none_or(|now| now < self.least - EXACTLY * self.least.abs().max(1.0))
    }

    fn exceeds(&self) -> bool {
        self.now.is_some_and(|now| now > self.most + EXACTLY * self.most.abs().max(1.0))
    }
}

impl Counts {
    /// Learns what each kind adds; or the gap when no number changes by the same with each write.
    pub(super) async fn learn(lab: &Lab, kinds: &[Kind], kind: usize) -> Result<Self, Evidence> {
        let name = &kinds[kind].spec.name;
        let client = lab.http();
        let none = BTreeMap::new();
        let Some(request) = lab.read_of(&kinds[kind].spec, &none) else {
            return Err(clause::NO_LOSS.gap(format!("{name} has no `read`")));
        };
        let (once, twice) = (read(&client, &request).await, read(&client, &request).await);
        let (once, mut last) = (values::numbers(&once), values::numbers(&twice));
        // What rises by being looked at counts no writes.
        last.retain(|place, number| once.get(place) == Some(number));
        let mut steps: BTreeMap<String, Vec<f64>> = last.keys().map(|place| (place.clone(), Vec::new())).collect();
        for other in kinds {
            for time in 0..TIMES {
                client.send(lab.fill(&other.spec)).await;
                let now = values::numbers(&read(&client, &request).await);
                steps.retain(|place, steps| {
                    let (Some(before), Some(after)) = (last.get(place), now.get(place)) else { return false };
                    let step = after - before;
                    if time == 0 {
                        steps.push(step);
                    }
                    steps.last().is_some_and(|first| (first - step).abs() <= EXACTLY * step.abs().max(1.0))
                });
                last = now;
            }
        }
        steps.retain(|_, steps| steps.get(kind).is_some_and(|step| step.abs() > EXACTLY));
        let Some((place, step)) = steps.iter().next().map(|(place, steps)| (place.clone(), steps[kind])) else {
            let what = format!(
                "no number of GET {} changes by the same with each {name}, so it shows no loss: say a `read` that names what was made",
                request.path
            );
            return Err(clause::NO_LOSS.gap(what));
        };
        let shown = format!("without a kill each {name} changes {place} of GET {} by {step}", request.path);
        let control = Control::seen(true, shown, "").map_err(|failed| clause::NO_LOSS.uncontrolled(&failed))?;
        Ok(Self { kind, read: request, steps, control })
    }

    /// The numbers now.
    pub(super) async fn now(&self, lab: &Lab) -> (Numbers, Exchange) {
        let exchange = read(&lab.http(), &self.read).await;
        (values::numbers(&exchange), exchange)
    }

    /// Compares the numbers after the kill with those before and with what was acknowledged since.
    pub(super) async fn judge(&self, lab: &Lab, kinds: &[Kind], before: &Numbers, tallies: &[Tally]) -> Vec<Evidence> {
        let (now, exchange) = self.now(lab).await;
        let mut evidence = Vec::new();
        for judged in judged(&self.steps, before, &now, tallies) {
            let Judged { place, now, least, most } = &judged;
            let of = format!("{place} of GET {}", self.read.path);
            let came = now.map_or("gone".to_owned(), |now| now.to_string());
            let what =
                format!("after the kill {of} is {came}; by what was acknowledged and cut off it is {least} to {most}");
            evidence.push(if judged.lacks() && !self.still_rises(lab, kinds, place).await {
                clause::NO_LOSS
                    .gap(format!("{what}, and it no longer changes with each write: it may be a page of a longer list"))
            } else {
                clause::NO_LOSS.saw(!judged.lacks() && !judged.exceeds(), what).with(&exchange).by(&self.control)
            });
        }
        evidence
    }

    /// Returns true if one more write still changes this number, so that it is not just full.
    async fn still_rises(&self, lab: &Lab, kinds: &[Kind], place: &str) -> bool {
        let (before, _) = self.now(lab).await;
        lab.http().send(lab.fill(&kinds[self.kind].spec)).await;
        let (after, _) = self.now(lab).await;
        before.get(place) != after.get(place)
    }
}

fn judged(steps: &BTreeMap<String, Vec<f64>>, before: &Numbers, now: &Numbers, tallies: &[Tally]) -> Vec<Judged> {
    let judge = |(place, steps): (&String, &Vec<f64>)| {
        let (mut least, mut most) = (*before.get(place)?, *before.get(place)?);
        for (step, tally) in steps.iter().zip(tallies) {
            let (done, unsure) = (step * tally.done as f64, step * tally.unsure as f64);
            least += done + unsure.min(0.0);
            most += done + unsure.max(0.0);
        }
        Some(Judged { place: place.clone(), now: now.get(place).copied(), least, most })
    };
    steps.iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALLIES: [Tally; 2] = [Tally { done: 10, unsure: 2 }, Tally { done: 3, unsure: 1 }];

    fn one(now: f64) -> Judged {
        let steps = [("sum".to_owned(), vec![5.0, -1.0])].into();
        let all = judged(&steps, &[("sum".to_owned(), 100.0)].into(), &[("sum".to_owned(), now)].into(), &TALLIES);
        all.into_iter().next().expect("there is one number")
    }

    #[test]
    fn a_sum_is_what_was_acknowledged_and_at_most_what_was_cut_off() {
        // 100 + 10 · 5 − 3 · 1, and 2 · 5 more or 1 less.
        assert_eq!((one(147.0).least, one(147.0).most), (146.0, 157.0));
        for (now, lacks, exceeds) in
            [(145.0, true, false), (146.0, false, false), (157.0, false, false), (158.0, false, true)]
        {
            assert_eq!((one(now).lacks(), one(now).exceeds()), (lacks, exceeds), "{now}");
        }
    }

    #[test]
    fn a_number_that_is_gone_lacks() {
        let steps = [("sum".to_owned(), vec![1.0])].into();
        let all = judged(&steps, &[("sum".to_owned(), 1.0)].into(), &Numbers::new(), &TALLIES[..1]);
        assert!(all[0].lacks() && !all[0].exceeds());
    }
}
