//! Concurrency bound of calls: a flood of requests is sent to a dependency that never answers, and its calls are counted.
//!
//! That fewer calls than requests are open is no sign of one: calls that time out make room for others, so that a service that
//! is slow to make them has no more open at once than it makes within a timeout. A bound shows itself twice. Before the first
//! call has ended calls stop coming, although requests are there that would cause more; and a larger flood finds the same number.

use std::time::{Duration, Instant};

use keel_drill::double::Call;

/// No call has come for at least so long when they have stopped coming.
const STILL: Duration = Duration::from_millis(100);
/// By how much the numbers of two floods may differ: 5 in a hundred, or two where places are counted apart by each worker.
const ALIKE_OF_A_HUNDRED: usize = 5;
const ALIKE: usize = 2;

/// The calls of one flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// Requests that were sent at once.
    pub(crate) size: usize,
    /// Calls that were open at once before any had ended.
    pub(crate) open: usize,
    /// True if no more came, for at least as long as these had taken to come, before any had ended.
    pub(crate) came_to_rest: bool,
}

impl Crowd {
    /// Observes a flood of `size` requests until `end`.
    pub(crate) fn of(size: usize, calls: &[Call], end: Instant) -> Self {
        let first_end = calls.iter().filter_map(|call| call.ended).min().unwrap_or(end);
        let came: Vec<Instant> = calls.iter().map(|call| call.at).filter(|at| *at < first_end).collect();
        let rest = came
            .iter()
            .min()
            .zip(came.iter().max())
            .is_some_and(|(first, last)| first_end.duration_since(*last) >= STILL.max(last.duration_since(*first)));
        Self { size, open: came.len(), came_to_rest: rest }
    }

    /// Returns true if calls were held at a number that is below that of the requests.
    fn is_held(&self) -> bool {
        self.came_to_rest && (1..self.size).contains(&self.open)
    }

    /// Returns true if each request caused a call.
    pub(crate) fn is_whole(&self) -> bool {
        self.open >= self.size
    }

    pub(crate) fn told(&self, name: &str) -> String {
        let rest = match self.open {
            0 => "",
            _ if self.came_to_rest => ", then no more came",
            _ => ", and more came until calls ended",
        };
        format!("{} requests opened {} calls to {name}{rest}", self.size, self.open)
    }
}

/// Returns the number at which calls were held for every size of the flood; `None` if it is not the same, or not below the smallest.
pub(crate) fn bound(crowds: &[Crowd]) -> Option<usize> {
    let (least, most) = (crowds.iter().map(|crowd| crowd.open).min()?, crowds.iter().map(|crowd| crowd.open).max()?);
    let smallest = crowds.iter().map(|crowd| crowd.size).min()?;
    let alike = most - least <= ALIKE.max(most * ALIKE_OF_A_HUNDRED / 100);
    (alike && most < smallest && crowds.iter().all(Crowd::is_held)).then_some(most)
}

#[cfg(test)]
mod tests {
    use keel_drill::trace_headers::TraceHeaders;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn calls(base: Instant, times: impl IntoIterator<Item = (Duration, Option<Duration>)>) -> Vec<Call> {
        let call = |(at, ended): (Duration, Option<Duration>)| Call {
            at: base + at,
            method: http::Method::GET,
            path: "/".to_owned(),
            key: None,
            patience: Vec::new(),
            trace: TraceHeaders::default(),
            ended: ended.map(|ended| base + ended),
        };
        times.into_iter().map(call).collect()
    }

    /// A service that makes a call every so often, each ended by a timeout.
    fn slow_to_call(size: usize, every: Duration, timeout: Duration) -> Crowd {
        let base = Instant::now();
        let times = (0..size).map(|number| every * u32::try_from(number).unwrap_or(0));
        Crowd::of(size, &calls(base, times.map(|at| (at, Some(at + timeout)))), base + 10 * SECOND)
    }

    /// A service that makes so many calls at once, and others as those end.
    fn held_at(places: usize, size: usize) -> Crowd {
        let base = Instant::now();
        let first = (0..places).map(|_| (Duration::ZERO, Some(SECOND)));
        let second = (0..places).map(|_| (SECOND, Some(SECOND * 2)));
        Crowd::of(size, &calls(base, first.chain(second)), base + 3 * SECOND)
    }

    #[test]
    fn a_full_set_of_places_is_a_bound_for_every_flood() {
        assert_eq!(bound(&[held_at(16, 128), held_at(16, 256)]), Some(16));
        assert_eq!(bound(&[held_at(60, 128), held_at(63, 256)]), Some(63));
    }

    #[test]
    fn calls_that_grow_with_the_flood_are_not_bound() {
        assert_eq!(bound(&[held_at(64, 128), held_at(128, 256)]), None);
        assert_eq!(bound(&[held_at(128, 128), held_at(128, 256)]), None, "the smaller one is not held");
        assert_eq!(bound(&[held_at(128, 128), held_at(256, 256)]), None);
    }

    #[test]
    fn as_many_calls_as_are_made_within_a_timeout_are_no_bound() {
        let few = slow_to_call(128, Duration::from_millis(20), SECOND);
        assert_eq!((few.open, few.came_to_rest), (50, false));
        assert_eq!(bound(&[few, slow_to_call(256, Duration::from_millis(20), SECOND)]), None);
    }

    #[test]
    fn a_flood_without_calls_shows_no_bound() {
        assert_eq!(bound(&[held_at(0, 128), held_at(0, 256)]), None);
        assert_eq!(bound(&[]), None);
    }
}
