//! The end of the normal load after an overload: it was in order for long enough.

use std::time::Duration;

use super::generator::{Asked, tally};

/// Slices in a row that are in order.
pub(super) const SETTLED: u32 = 3;
/// Of a slice, the share that is answered in time when it is in order: who has no queue refuses a few that come together.
pub(super) const ORDERLY: f64 = 0.8;

/// The condition under which the normal load has shown enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    /// An answer within this time is in time.
    pub(super) objective: Duration,
    /// The part of the load that is looked at at a time.
    pub(super) slice: Duration,
}

impl Settled {
    /// Returns true if this slice was in order; one without requests shows nothing against it.
    pub(super) fn is_in_order(self, asked: &[Asked], from: Duration) -> bool {
        let slice = tally(asked, self.objective, from, from + self.slice);
        slice.sent() == 0 || slice.share_in_time() >= ORDERLY
    }

    /// The number of slices whose requests are all over or too late after this time.
    fn slices(self, elapsed: Duration) -> u32 {
        let known = elapsed.saturating_sub(self.objective).as_nanos() / self.slice.as_nanos().max(1);
        u32::try_from(known).unwrap_or(u32::MAX)
    }

    /// The end of the load, once its last slices were in order, with requests in each.
    pub(super) fn end(self, asked: &[Asked], elapsed: Duration) -> Option<Duration> {
        let slices = self.slices(elapsed);
        let mut last = (slices.saturating_sub(SETTLED)..slices).map(|slice| self.slice * slice);
        let sent = |from: Duration| asked.iter().any(|one| (from..from + self.slice).contains(&one.at));
        let settled = slices >= SETTLED && last.all(|from| sent(from) && self.is_in_order(asked, from));
        settled.then(|| self.slice * slices)
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::Fate;
    use super::super::generator::tests::asked;
    use super::*;

    const SETTLING: Settled = Settled { objective: Duration::from_millis(500), slice: Duration::from_secs(1) };

    /// Ten requests a second, of which those before `back` are too late.
    fn load(back: u64, until: u64) -> Vec<Asked> {
        let took = |at: u64| if at < back { 600 } else { 10 };
        (0..until / 100).map(|n| asked(100 * n, 100 * n + took(100 * n), Fate::Answered)).collect()
    }

    #[test]
    fn a_load_has_settled_after_three_seconds_in_order_whose_answers_are_all_known() {
        let end = |asked: &[Asked], at| SETTLING.end(asked, Duration::from_millis(at)).map(|end| end.as_secs());
        assert_eq!(end(&load(0, 3_400), 3_400), None, "answers of the third second may still be too late");
        assert_eq!(end(&load(0, 3_500), 3_500), Some(3));
        assert_eq!(end(&load(1_500, 4_500), 4_500), None, "the second second was not in order");
        assert_eq!(end(&load(1_500, 5_500), 5_500), Some(5));
        assert_eq!(end(&[], 9_000), None, "nothing was answered");
    }
}
