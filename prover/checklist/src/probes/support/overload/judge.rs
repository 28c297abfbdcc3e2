//! Evidence of an overload for or against a service.

use std::time::Duration;

use super::generator::{Tally, quantile};
use super::settled::Settled;
use super::{OVERLOAD, Seen};
use crate::clause::Clause;
use crate::finding::{Evidence, Finding, Verdict};

/// Of its capacity, the goodput in overload that is near it.
pub(super) const NEAR: f64 = 0.7;
/// Of what was not answered in time, the share that must be refused clearly.
pub(super) const CLEARLY: f64 = 0.9;
/// A refusal that takes more than this part of what an answer may take came too late to go elsewhere.
const QUICK: u32 = 4;
/// The share of refusals that must be quick.
const MOSTLY: f64 = 0.9;

impl Seen {
    /// The finding on what `evidence` makes of it.
    ///
    /// Where the generator was late it may have read answers late too. What speaks against the service must then do so as
    /// well when all times are longer by that; what speaks for it must do so without.
    pub(crate) fn judge(mut self, id: &str, evidence: impl Fn(&Self) -> Vec<Evidence>) -> Finding {
        let finding = Finding::judge(id, evidence(&self));
        let Some(lag) = self.held.lag().max(self.after.lag()) else { return finding };
        if finding.verdict() != Verdict::FallsShort {
            return finding;
        }
        self.allowance = lag;
        let mut lenient = evidence(&self);
        lenient.push(Evidence::note(format!(
            "keel itself was late by {lag:.0?}, which is added to what an answer may take"
        )));
        let judged = Finding::judge(id, lenient);
        match judged.verdict() {
            Verdict::FallsShort => judged,
            _ => Finding::unknown(
                id,
                format!(
                    "keel itself was late by {lag:.0?}, which may be why: {}; examine it on a machine that is less busy",
                    finding.summary()
                ),
                judged.evidence().to_vec(),
            ),
        }
    }

    /// Returns the figures of the capacity and of the load.
    pub(crate) fn told(&self) -> Evidence {
        Evidence::note(format!(
            "it does {:.0} requests a second; sent: {}; an answer is in time within {:.1?}",
            self.capacity,
            self.held.told(),
            self.objective
        ))
    }

    /// Returns the number of requests beyond the capacity in a part of the overload.
    pub(crate) fn too_much(&self, part: Duration) -> f64 {
        (OVERLOAD - 1.0) * self.capacity * part.as_secs_f64()
    }

    /// Judges that it still ran at the end.
    pub(crate) fn alive(&self, clause: Clause) -> Option<Evidence> {
        (!self.runs).then(|| clause.contradicts("its process ended under the overload"))
    }

    /// Judges that its goodput stayed near the capacity.
    pub(crate) fn goodput(&self, clause: Clause) -> Evidence {
        let goodput = self.judged().goodput();
        let share = goodput / self.capacity;
        clause.saw(share >= NEAR, format!(
                "offered twice what it does, it answers {goodput:.0} a second in time: {:.0} % of the {:.0} that it can",
                100.0 * share,
                self.capacity
            ))
    }

    /// Judges that the rest was refused clearly.
    pub(crate) fn surplus(&self, clause: Clause) -> Evidence {
        let judged = self.judged();
        let surplus = judged.sent() - judged.in_time;
        let clear = judged.refused as f64 >= CLEARLY * surplus as f64;
        let statuses: Vec<String> =
            judged.statuses.iter().map(|(status, count)| format!("{count} with {status}")).collect();
        let refused = match statuses.is_empty() {
            true => "none refused with 503 or 429".to_owned(),
            false => format!("refused: {}", statuses.join(", ")),
        };
        let others: String = judged.others.iter().map(|(how, count)| format!(", {count} {how}")).collect();
        clause.saw(
            clear,
            format!(
                "of {} requests {surplus} were not answered in time; {refused}, {} too late or not at all{others}",
                judged.sent(),
                judged.late
            ),
        )
    }

    /// Judges that refusals say when to come again.
    pub(crate) fn told_when(&self, clause: Clause) -> Option<Evidence> {
        let Tally { refused, told_when, .. } = self.judged();
        let what = format!("{told_when} of {refused} refusals carry Retry-After");
        (refused > 0).then(|| clause.saw(told_when == refused, what))
    }

    /// Judges that refusals come in time to go elsewhere.
    pub(crate) fn quickness(&self, clause: Clause) -> Option<Evidence> {
        let took = quantile(&self.judged().refusals, MOSTLY)?;
        let quick = self.objective / QUICK + self.allowance;
        let what =
            format!("9 of 10 refusals come within {took:.1?}; a quarter of the time of an answer is {quick:.1?}");
        Some(clause.saw(took <= quick, what))
    }

    /// Judges that everything is in order again soon after the load fell.
    pub(crate) fn recovery(&self, clause: Clause) -> Evidence {
        match self.in_order_after() {
            Some(took) => clause.saw(
                took <= self.spans.within,
                format!("the normal load is answered in time again {took:.1?} after the load fell"),
            ),
            None => {
                let lasts = self.after.lasts();
                let all = self.after.tally(self.in_time(), Duration::ZERO, lasts);
                let what = format!(
                    "{:.1?} after the load fell the normal load is still not answered in time: {} of {} requests were",
                    self.gap + lasts,
                    all.in_time,
                    all.sent()
                );
                clause.contradicts(what)
            }
        }
    }

    fn judged(&self) -> Tally {
        self.held.judged(self.in_time(), self.spans.fills)
    }

    fn in_time(&self) -> Duration {
        self.objective + self.allowance
    }

    /// From the fall of the load to the end of the last part of the normal load that was not in order; none when that was
    /// the last.
    fn in_order_after(&self) -> Option<Duration> {
        let mut since = Duration::ZERO;
        let mut from = Duration::ZERO;
        let (after, slice) = (self.after.lasts(), self.spans.slice);
        let settled = Settled { objective: self.in_time(), slice };
        while from < after {
            let in_order = settled.is_in_order(&self.after.asked, from);
            from += slice;
            if !in_order {
                since = from;
            }
        }
        (since < after).then(|| self.gap + since)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::super::Spans;
    use super::super::generator::tests::{asked, sending};
    use super::super::generator::{Asked, Fate};
    use super::super::{AFTER, HOLD};
    use super::*;
    use crate::clause::border::shed::GOODPUT;
    use crate::lab::Pace;

    const REFUSED: Fate = Fate::Refused { status: 503, says_when: true };

    /// Twenty a second are sent to who does ten; every second one is `surplus`, and what follows is answered from `back` on.
    fn seen(surplus: Asked, back: u64) -> Seen {
        let each = |n: u64| match n % 2 {
            0 => asked(50 * n, 50 * n + 100, Fate::Answered),
            _ => asked(50 * n, 50 * n + u64::try_from(surplus.took().as_millis()).unwrap(), surplus.fate),
        };
        // Something is under way until a moment after the end, as when it is cut off.
        let held: Vec<Asked> = (0..100).map(each).chain([asked(4999, 6000, Fate::Unanswered)]).collect();
        let normal = |n: u64| match 200 * n < back {
            true => asked(200 * n, 200 * n + 1, REFUSED),
            false => asked(200 * n, 200 * n + 100, Fate::Answered),
        };
        Seen {
            capacity: 10.0,
            objective: Duration::from_secs(1),
            held: sending(HOLD, held),
            after: sending(AFTER, (0..30).map(normal).collect()),
            gap: Duration::from_secs(1),
            runs: true,
            allowance: Duration::ZERO,
            spans: Spans::at(Pace::FULL),
        }
    }

    fn good(evidence: &Evidence) -> bool {
        evidence.is_for()
    }

    #[test]
    fn immediate_refusals_are_evidence_for_it() {
        let seen = seen(asked(0, 5, REFUSED), 0);
        let all = [
            seen.goodput(GOODPUT),
            seen.surplus(GOODPUT),
            seen.told_when(GOODPUT).unwrap(),
            seen.quickness(GOODPUT).unwrap(),
            seen.recovery(GOODPUT),
        ];
        assert!(all.iter().all(good), "{all:#?}");
    }

    #[test]
    fn refusals_after_a_quarter_of_the_time_of_an_answer_are_not_quick() {
        assert!(good(&seen(asked(0, 250, REFUSED), 0).quickness(GOODPUT).unwrap()));
        assert!(!good(&seen(asked(0, 251, REFUSED), 0).quickness(GOODPUT).unwrap()));
    }

    #[test]
    fn late_answers_and_other_errors_are_no_clear_refusals() {
        for fate in [Fate::Otherwise(500), Fate::Broken] {
            let seen = seen(asked(0, 5, fate), 0);
            assert!(good(&seen.goodput(GOODPUT)) && !good(&seen.surplus(GOODPUT)), "{:?}", seen.surplus(GOODPUT));
            assert!(seen.told_when(GOODPUT).is_none() && seen.quickness(GOODPUT).is_none());
        }
        let late = seen(asked(0, 1500, Fate::Answered), 0);
        assert!(late.surplus(GOODPUT).what.contains("none refused with 503 or 429"), "{:?}", late.surplus(GOODPUT));
    }

    #[test]
    fn goodput_below_seven_tenths_of_the_capacity_is_a_collapse() {
        let goodput = |late: usize| {
            let mut seen = seen(asked(0, 5, REFUSED), 0);
            // Of ten a second that are answered in time, so many in ten come too late.
            let answered = seen.held.asked.iter_mut().filter(|asked| asked.fate == Fate::Answered).enumerate();
            answered
                .filter(|(n, _)| n % 10 < late)
                .for_each(|(_, asked)| asked.over = asked.at + Duration::from_secs(2));
            seen.judge("border.shed", |seen| vec![seen.goodput(GOODPUT)])
        };
        assert_eq!(goodput(2).verdict_on(GOODPUT), Some(Verdict::Holds), "{:?}", goodput(2));
        assert_eq!(goodput(4).verdict(), Verdict::FallsShort, "{:?}", goodput(4));
        assert!(goodput(4).summary().contains("a second in time"), "{:?}", goodput(4));
    }

    #[test]
    fn lateness_of_the_generator_is_not_held_against_the_service() {
        let judged = |late: u64, lag: u64| {
            let mut seen = seen(asked(0, 200 + late, REFUSED), 0);
            seen.held.late_by(Duration::from_millis(lag));
            let finding =
                seen.judge("border.shed", |seen| vec![seen.goodput(GOODPUT), seen.quickness(GOODPUT).unwrap()]);
            finding.verdict_on(GOODPUT).unwrap()
        };
        assert_eq!(judged(0, 100), Verdict::Holds);
        assert_eq!(judged(100, 100), Verdict::Unknown);
        assert_eq!(judged(200, 100), Verdict::FallsShort);
    }

    #[test]
    fn one_refusal_that_does_not_say_when_is_one_too_many() {
        let mut silent = seen(asked(0, 5, REFUSED), 0);
        assert!(good(&silent.told_when(GOODPUT).unwrap()));
        silent.held.asked[61].fate = Fate::Refused { status: 503, says_when: false };
        assert!(!good(&silent.told_when(GOODPUT).unwrap()));
    }

    #[test]
    fn a_return_within_five_seconds_is_a_recovery() {
        let after = |back| seen(asked(0, 5, REFUSED), back).recovery(GOODPUT);
        assert!(good(&after(4000)), "{:?}", after(4000));
        assert!(!good(&after(4800)), "{:?}", after(4800));
        assert!(after(60_000).what.contains("still not answered in time: 0 of 30"), "{:?}", after(60_000));
    }
}
