//! Contention for processors while something is timed: the control of every verdict that a time decides.
//!
//! On a busy machine late answers may be late because of it, and uneven times may be even. The kernel counts for
//! how long each thread was ready to run and did not (`schedstat`): an answer is held against a service only if it is late without
//! this time, and a time counts as scattered only if it is scattered by more than what the machine makes of an even beat.
//!
//! [`machine`] does the same for whole probes that send a load, by the share of the machine that other programs had; [`threads`] and
//! [`processors`] read the kernel's counters for all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use self::processors::Processors;
use self::threads::{Clock, clocks};
use crate::evidence::Evidence;
use crate::lab::Lab;
use crate::probes::support::percentile::percentile;

pub(crate) mod machine;
mod processors;
pub(crate) mod threads;

/// Between two looks, which are the even beat as well.
const BEAT: Duration = Duration::from_millis(50);
/// Beats that are kept: enough for a probe's longest part.
const MAX_BEATS: usize = 4_000;
/// Threads that are followed; of more, these are a sample.
const MAX_THREADS: usize = 2_000;
/// Below this share of all processors other programs are not to blame: what waits then waits for itself.
const OTHERS: f64 = 0.1;
/// By so many times the machine's own scatter a scatter is the service's: their squares add up, so that most of it is.
const TIMES: u32 = 2;
/// The words of every reason that blames a busy machine.
const TOO_BUSY: &str = "the machine was too busy to tell, run keel on one that is not";

/// Looks at the threads of the service, of what keel started for it, and of keel itself, until it is ended or dropped.
pub(crate) struct Watch {
    pids: Arc<[Vec<u32>; 3]>,
    seen: Arc<Mutex<Seen>>,
    looking: JoinHandle<()>,
    begun: Instant,
    processors: Option<Processors>,
}

/// The observation.
#[derive(Debug, Default)]
struct Seen {
    /// By process and thread; with the place of the group in [`Lab::pids_at_work`].
    threads: HashMap<(u32, u32), (usize, Thread)>,
    beats: Vec<Instant>,
}

/// A thread at the first look, and now.
#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    first: Clock,
    last: Clock,
}

/// Contention during a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Contention {
    /// Possible delay of an answer: the longest wait of a thread for a processor, in the service and in what
    /// was started for it, and how late keel's own beat was. Zero when other programs were not to blame.
    pub(crate) waited: Duration,
    /// Width of the middle half of the intervals of an even beat.
    pub(crate) scatter: Duration,
}

impl Watch {
    /// Begins to look.
    pub(crate) fn begin(lab: &Lab) -> Self {
        let pids = Arc::new(lab.pids_at_work());
        let mut seen = Seen::default();
        seen.look(&pids, true);
        let seen = Arc::new(Mutex::new(seen));
        let (shared, watched) = (Arc::clone(&seen), Arc::clone(&pids));
        let looking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(BEAT);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                shared.lock().unwrap_or_else(PoisonError::into_inner).look(&watched, false);
            }
        });
        Self { pids, seen, looking, begun: Instant::now(), processors: Processors::now() }
    }

    /// Returns the contention since it began.
    pub(crate) fn end(self) -> Contention {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let beats = std::mem::take(&mut seen.beats);
        seen.look(&self.pids, false);
        let ran = seen.threads.values().map(|(_, thread)| thread.since(|clock| clock.ran)).sum();
        let others = self
            .processors
            .zip(Processors::now())
            .map_or(0.0, |(before, now)| self::others(now, before, ran, self.begun.elapsed()));
        // An answer is made by one thread after the other. keel's own have more to do than to read it: their beat tells.
        let longest = |group: usize| {
            let threads = seen.threads.values().filter(|(of, _)| *of == group);
            threads.map(|(_, thread)| thread.since(|clock| clock.waited)).max().unwrap_or_default()
        };
        Contention::of(longest(0) + longest(1), others, &beats)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Seen {
    fn look(&mut self, groups: &[Vec<u32>; 3], is_first: bool) {
        if self.beats.len() < MAX_BEATS {
            self.beats.push(Instant::now());
        }
        let pids = groups.iter().enumerate().flat_map(|(group, pids)| pids.iter().map(move |pid| (group, *pid)));
        for (group, pid) in pids {
            for (thread, clock) in clocks(pid) {
                if let Some((_, known)) = self.threads.get_mut(&(pid, thread)) {
                    known.last = clock;
                } else if self.threads.len() < MAX_THREADS {
                    let first = if is_first { clock } else { Clock::default() };
                    self.threads.insert((pid, thread), (group, Thread { first, last: clock }));
                }
            }
        }
    }
}

impl Thread {
    fn since(&self, of: fn(Clock) -> Duration) -> Duration {
        of(self.last).saturating_sub(of(self.first))
    }
}

impl Contention {
    fn of(waited: Duration, others: f64, beats: &[Instant]) -> Self {
        let gaps: Vec<Duration> = beats.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0])).collect();
        let scatter = percentile(gaps.clone(), 75).saturating_sub(percentile(gaps.clone(), 25));
        // Once when a request is sent, and once when its answer is read.
        let late = gaps.iter().max().copied().unwrap_or_default().saturating_sub(BEAT) * 2;
        Self { waited: if others < OTHERS { Duration::ZERO } else { waited + late }, scatter }
    }

    /// Returns true if something was late by itself; `None` if a busy machine may be the reason.
    pub(crate) fn is_late(self, took: Duration, limit: Duration) -> Option<bool> {
        match took {
            _ if took <= limit => Some(false),
            _ if took.saturating_sub(self.waited) > limit => Some(true),
            _ => None,
        }
    }

    /// The piece as it is, and a gap where it is against its clause as something was late, for which a busy machine may be the
    /// reason.
    pub(crate) fn excuse(self, piece: Evidence, took: Duration, limit: Duration) -> Evidence {
        let mut piece = piece;
        if piece.is_against() && self.is_late(took, limit).is_none() {
            let waited = self.waited;
            piece.refuse(&format!(
                "{TOO_BUSY} (of {took:.1?}, {waited:.1?} were spent waiting for a processor that others had)"
            ));
        }
        piece
    }

    /// The same for a piece against a clause as something was given up after this time: a busy machine may be the reason where threads
    /// waited for half of it.
    pub(crate) fn excuse_given_up(self, piece: Evidence, after: Duration) -> Evidence {
        self.excuse(piece, after, after / 2)
    }

    /// The scatter which the machine may give to the times of so many events.
    pub(crate) fn noise(self, events: usize) -> Duration {
        let each = self.waited / u32::try_from(events.max(1)).unwrap_or(u32::MAX);
        each.max(self.scatter)
    }

    /// The reason why a scatter of so many events says nothing.
    pub(crate) fn told(self, events: usize) -> String {
        format!("{TOO_BUSY} (it makes even times {:.1?} wide)", self.noise(events))
    }

    /// Returns true if the times of so many events, this far apart, are scattered by themselves.
    pub(crate) fn is_scattered(self, width: Duration, events: usize) -> bool {
        width >= self.noise(events) * TIMES
    }
}

/// The share of all processors that others had between two looks, beside those who ran so long.
fn others(now: Processors, before: Processors, ran: Duration, lasted: Duration) -> f64 {
    let all = now.all.saturating_sub(before.all).max(1) as f64;
    let busy = now.busy.saturating_sub(before.busy) as f64 / all;
    let own = ran.as_secs_f64() / (lasted.as_secs_f64().max(f64::EPSILON) * now.count.max(1) as f64);
    (busy - own).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clause::call::bad_answers as clause;
    use crate::finding::Bearing;

    const SECOND: Duration = Duration::from_secs(1);

    fn waited(waited: Duration) -> Contention {
        Contention { waited, scatter: Duration::ZERO }
    }

    #[test]
    fn an_answer_is_late_only_when_it_is_without_the_time_that_threads_waited() {
        assert_eq!(waited(Duration::ZERO).is_late(SECOND * 3, SECOND * 2), Some(true));
        assert_eq!(waited(SECOND / 2).is_late(SECOND * 3, SECOND * 2), Some(true));
        assert_eq!(waited(SECOND * 3 / 2).is_late(SECOND * 3, SECOND * 2), None);
        assert_eq!(waited(SECOND * 9).is_late(SECOND, SECOND * 2), Some(false), "what is in time needs no excuse");
    }

    #[test]
    fn only_a_piece_against_that_rests_on_lateness_becomes_a_gap() {
        let late = || clause::BOUNDED_TIME.contradicts("it is answered only after 3 s");
        let excused = waited(SECOND * 2).excuse(late(), SECOND * 3, SECOND * 2);
        assert_eq!(excused.bearing(), Bearing::Gap);
        assert!(excused.what.contains("too busy"), "{}", excused.what);
        assert!(
            waited(SECOND * 2).excuse(late(), SECOND, SECOND * 2).is_against(),
            "it was in time: something else is wrong"
        );
        assert!(waited(Duration::ZERO).excuse(late(), SECOND * 3, SECOND * 2).is_against());
        let good = clause::BOUNDED_TIME.holds("it is answered");
        assert!(waited(SECOND * 2).excuse(good, SECOND * 3, SECOND * 2).is_for());
    }

    #[test]
    fn an_abandoned_request_is_excused_when_threads_waited_for_half_of_the_time() {
        let given_up = || clause::BOUNDED_TIME.contradicts("it has no answer after 2 s");
        assert!(waited(SECOND * 9 / 10).excuse_given_up(given_up(), SECOND * 2).is_against());
        assert_eq!(waited(SECOND).excuse_given_up(given_up(), SECOND * 2).bearing(), Bearing::Gap);
    }

    #[test]
    fn a_wait_on_an_idle_machine_is_not_excused() {
        assert_eq!(Contention::of(SECOND, 0.05, &[]).waited, Duration::ZERO);
        assert_eq!(Contention::of(SECOND, 0.5, &[]).waited, SECOND);
    }

    #[test]
    fn times_are_scattered_only_beyond_an_even_beat_and_the_waits_of_each() {
        let begun = Instant::now();
        let even: Vec<Instant> = (0..20).map(|beat| begun + BEAT * beat).collect();
        let quiet = Contention::of(Duration::ZERO, 0.0, &even);
        assert_eq!(quiet.scatter, Duration::ZERO);
        assert!(quiet.is_scattered(Duration::from_millis(60), 12));
        let late = |beat: u32| BEAT * beat + Duration::from_millis(if beat.is_multiple_of(2) { 0 } else { 20 });
        let uneven: Vec<Instant> = (0..20).map(|beat| begun + late(beat)).collect();
        assert!(!Contention::of(Duration::ZERO, 0.0, &uneven).is_scattered(Duration::from_millis(60), 12));
        assert!(!waited(SECOND).is_scattered(Duration::from_millis(60), 12), "each of them waited for 83 ms");
    }

    #[test]
    fn the_share_of_others_is_what_is_busy_beside_ourselves() {
        let read = |text: &str| Processors::read(text).expect("it is a table of processors");
        let before = read("cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 50 0 0 450 0 0 0 0 0 0\ncpu1 50 0 0 450 0 0 0 0 0 0\n");
        let now = read("cpu  250 0 0 950 0 0 0 0 0 0\ncpu0 125 0 0 475 0 0 0 0 0 0\ncpu1 125 0 0 475 0 0 0 0 0 0\n");
        // 150 of 200 ticks of two processors in a second: one and a half, of which half a processor is our own.
        let others = others(now, before, SECOND / 2, SECOND);
        assert!((others - 0.5).abs() < 0.01, "{others}");
    }
}
