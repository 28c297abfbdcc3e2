//! Bytes of answers that clients have not taken yet: of one connection, and of all connections of a listener.
//!
//! A handler of HTTP/2 is started when its answer may wait beside those that its client has not taken. How large that answer will be is not
//! known then; the handler counts as much as the last answers for its path ([`AnswerSizes`]), or as the largest answer that waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Limits;
use crate::answer_sizes::AnswerSizes;

/// The most that the answers of handlers that started together may be over the bound of unsent bytes, as a multiple of it.
const OVERSHOOT: u64 = 4;
/// Answers of less bytes are not counted in HTTP/1.1, where the kernel takes them, and their handlers start also while too many bytes wait.
pub(crate) const SMALL: u64 = 64 * 1024;
/// Memory of an open stream of HTTP/2 beside its answer: its task, its request, its places in the protocol's tables. Measured
/// over 128 streams: 9 KiB each.
const STREAM: u64 = 10 * 1024;

/// The sum of all connections of a listener.
#[derive(Debug, Default)]
pub(crate) struct UnsentInAll {
    /// Bytes of answers, and those that handlers which have started are expected to give.
    bytes: AtomicU64,
    /// Notified when a client has taken an answer.
    taken: Notify,
    /// Sizes of recent answers.
    pub(crate) sizes: AnswerSizes,
}

impl UnsentInAll {
    fn hold(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Holds this many bytes for an answer to come, if there is room below the limit; it can be passed by one answer.
    fn reserve(&self, bytes: u64, limit: u64) -> bool {
        let after = |before: u64| (before < limit).then(|| before.saturating_add(bytes));
        self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, after).is_ok()
    }

    fn release(&self, bytes: u64) {
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.taken.notify_waiters();
        }
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }
}

/// Answers of one connection that its client has not taken.
#[derive(Debug)]
pub(crate) struct Unsent {
    limits: Arc<Limits>,
    held: Mutex<Held>,
    /// Notified when an answer has been taken, and when a handler has ended.
    taken: Notify,
    pub(crate) in_all: Arc<UnsentInAll>,
}

#[derive(Debug, Default)]
struct Held {
    /// Bytes of answers.
    bytes: u64,
    /// The largest answer since there were none.
    largest: u64,
    /// Handlers that have started and not answered, and the bytes that they are expected to give.
    started: u32,
    expected: u64,
    /// True while a handler whose answer may have any size runs for the first time.
    is_first_running: bool,
}

/// A handler that may start, and what its answer is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The last answers for its path had about so many bytes.
    Bytes(u64),
    /// There was no answer for its path.
    Unknown,
}

impl Expected {
    fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Unknown => 0,
        }
    }

    /// Returns true for an answer that is known to be small: it starts while there is no room, and is not counted in all before it is there.
    fn is_small(self) -> bool {
        matches!(self, Self::Bytes(..SMALL))
    }
}

impl Unsent {
    pub(crate) fn new(limits: Arc<Limits>, in_all: Arc<UnsentInAll>) -> Self {
        Self { limits, held: Mutex::default(), taken: Notify::new(), in_all }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that the answers of one connection may have: the streams themselves take the rest of the limit.
    fn room(&self) -> u64 {
        let limit = self.limits.unsent_bytes;
        limit.saturating_sub(u64::from(self.limits.streams) * STREAM).max(limit / 2)
    }

    /// Counts an answer of this many bytes that waits for the peer.
    pub(crate) fn hold(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.in_all.hold(bytes);
        let mut held = self.held();
        held.bytes += bytes;
        held.largest = held.largest.max(bytes);
    }

    /// Releases an answer of this many bytes, which the peer has taken or which was discarded.
    pub(crate) fn release(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut held = self.held();
        held.bytes = held.bytes.saturating_sub(bytes);
        if held.bytes == 0 {
            held.largest = 0;
        }
        drop(held);
        self.taken.notify_waiters();
        self.in_all.release(bytes);
    }

    /// Starts a handler of HTTP/2 if its answer may wait for this peer beside the others. A handler that is alone always starts. Of the
    /// handlers with answers of unknown size one runs at a time, until it waits or answers: else as many as there are threads would
    /// answer before the first answer is counted.
    pub(crate) fn try_start(&self, expected: Expected) -> bool {
        let room = self.room();
        let mut held = self.held();
        let own = expected.bytes().max(held.largest);
        let others = held.expected.max(u64::from(held.started).saturating_mul(held.largest)).saturating_add(held.bytes);
        let fits = others.saturating_add(own) <= room || (held.started == 0 && held.bytes == 0);
        let starts =
            fits && !(expected == Expected::Unknown && held.is_first_running) && self.try_start_alone(expected);
        if starts {
            held.started += 1;
            held.expected = held.expected.saturating_add(expected.bytes());
            held.is_first_running |= expected == Expected::Unknown;
        }
        starts
    }

    /// A handler whose answer may have any size waits, and others may run.
    pub(crate) fn first_waits(&self) {
        self.held().is_first_running = false;
        self.taken.notify_waiters();
    }

    /// Starts a handler of HTTP/1.1 if the answers of all connections leave room for its own, or if that is known to be small. The room is held for it:
    /// else all handlers that wait for room would start when there is some.
    pub(crate) fn try_start_alone(&self, expected: Expected) -> bool {
        expected.is_small() || self.in_all.reserve(expected.bytes(), self.limits.unsent_bytes_in_all)
    }

    /// A handler of HTTP/1.1 that had started gave its answer, or was cancelled.
    pub(crate) fn has_answered_alone(&self, expected: Expected) {
        if !expected.is_small() {
            self.in_all.release(expected.bytes());
        }
    }

    /// A handler of HTTP/2 that had started gave its answer, or was cancelled.
    pub(crate) fn has_answered(&self, expected: Expected) {
        self.has_answered_alone(expected);
        let mut held = self.held();
        held.started = held.started.saturating_sub(1);
        held.expected = held.expected.saturating_sub(expected.bytes());
        drop(held);
        self.taken.notify_waiters();
    }

    /// Returns when `starts` has returned true. It is asked again whenever an answer was taken. Cancel-safe.
    pub(crate) async fn until(&self, starts: impl Fn(&Self) -> bool) {
        loop {
            let (taken, taken_by_others) = (self.taken.notified(), self.in_all.taken.notified());
            if starts(self) {
                return;
            }
            tokio::select! {
                () = taken => {}
                () = taken_by_others => {}
            }
        }
    }

    /// Returns true while an answer of this many bytes may wait beside the others. Handlers that started together can give more than there was room for.
    pub(crate) fn can_hold(&self, bytes: u64) -> bool {
        let (own, all) = (self.held().bytes, self.in_all.bytes());
        let fits = |held: u64, limit: u64| held == 0 || held.saturating_add(bytes) <= limit.saturating_mul(OVERSHOOT);
        fits(own, self.limits.unsent_bytes) && fits(all, self.limits.unsent_bytes_in_all)
    }

    /// Returns true while the answers of all connections that wait for their peers are more than may wait.
    fn is_under_pressure(&self) -> bool {
        self.in_all.bytes() >= self.limits.unsent_bytes_in_all
    }

    /// Returns the time for which the peer may leave an answer. It is shorter while too many answers wait.
    pub(crate) fn write_timeout(&self) -> Duration {
        match self.is_under_pressure() {
            true => self.limits.write_timeout.min(self.limits.rate_grace),
            false => self.limits.write_timeout,
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        let left = self.held().bytes;
        if left > 0 {
            self.in_all.release(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsent(limit: u64) -> Unsent {
        let limits = Limits::default().with(|limits| (limits.unsent_bytes, limits.streams) = (limit, 0));
        Unsent::new(Arc::new(limits), Arc::default())
    }

    fn started(unsent: &Unsent, expected: u64) -> usize {
        [(); 5].iter().filter(|()| unsent.try_start(Expected::Bytes(expected))).count()
    }

    #[test]
    fn handlers_that_run_count_as_much_as_the_largest_answer_that_waits() {
        let unsent = unsent(100);
        assert!(unsent.try_start(Expected::Bytes(0)));
        unsent.hold(20);
        unsent.has_answered(Expected::Bytes(0));
        assert_eq!(started(&unsent, 0), 4, "20 bytes wait, and four handlers may give as many");
        unsent.has_answered(Expected::Bytes(0));
        assert_eq!(started(&unsent, 0), 1);
        unsent.release(20);
        assert_eq!(started(&unsent, 0), 5, "nothing waits");
    }

    #[test]
    fn handlers_of_a_path_with_large_answers_start_one_after_the_other() {
        let unsent = unsent(100);
        assert_eq!(started(&unsent, 60), 1);
        unsent.has_answered(Expected::Bytes(60));
        assert_eq!(started(&unsent, 40), 2);
        unsent.has_answered(Expected::Bytes(40));
        unsent.has_answered(Expected::Bytes(40));
        assert_eq!(started(&unsent, 500), 1, "alone, whatever it gives");
    }

    #[test]
    fn streams_take_their_part_of_the_limit() {
        let limits = Limits::default().with(|limits| limits.unsent_bytes = 16 << 20);
        let unsent = Unsent::new(Arc::new(limits), Arc::default());
        assert!(unsent.try_start(Expected::Bytes(8 << 20)));
        assert!(!unsent.try_start(Expected::Bytes(8 << 20)), "two answers of 8 MiB leave nothing for 128 streams");
    }

    #[test]
    fn handlers_of_unknown_answers_run_one_at_a_time_until_they_wait() {
        let unsent = unsent(100);
        assert!(unsent.try_start(Expected::Unknown));
        assert!(!unsent.try_start(Expected::Unknown));
        assert!(unsent.try_start(Expected::Bytes(1)), "a known answer need not wait for it");
        unsent.first_waits();
        assert!(unsent.try_start(Expected::Unknown));
    }

    #[test]
    fn small_answers_start_while_those_of_all_connections_have_no_room() {
        let unsent = unsent(1 << 30);
        unsent.in_all.hold(Limits::default().unsent_bytes_in_all);
        let starts = |expected| [unsent.try_start_alone(expected), unsent.try_start(expected)];
        assert_eq!(starts(Expected::Bytes(SMALL - 1)), [true; 2]);
        assert_eq!(starts(Expected::Bytes(SMALL)), [false; 2]);
        assert_eq!(starts(Expected::Unknown), [false; 2]);
    }

    #[test]
    fn handlers_that_start_together_hold_the_room_of_their_answers() {
        let limits = Limits::default().with(|limits| limits.unsent_bytes_in_all = 3 * SMALL);
        let unsent = Unsent::new(Arc::new(limits), Arc::default());
        let large = Expected::Bytes(2 * SMALL);
        let starts = || [(); 5].iter().filter(|()| unsent.try_start_alone(large)).count();
        assert_eq!(starts(), 2, "the second one passes the limit");
        unsent.hold(2 * SMALL);
        unsent.has_answered_alone(large);
        assert_eq!(starts(), 0, "one answer waits, and one is expected");
        unsent.release(2 * SMALL);
        assert_eq!(starts(), 1);
        unsent.has_answered_alone(large);
        unsent.has_answered_alone(large);
        assert_eq!(unsent.in_all.bytes(), 0);
    }

    #[test]
    fn a_handler_of_http2_that_does_not_start_holds_nothing() {
        let unsent = unsent(SMALL);
        assert!(unsent.try_start(Expected::Bytes(SMALL)));
        assert!(!unsent.try_start(Expected::Bytes(SMALL)), "its connection has no room");
        assert_eq!(unsent.in_all.bytes(), SMALL);
        unsent.has_answered(Expected::Bytes(SMALL));
        assert_eq!(unsent.in_all.bytes(), 0);
    }

    #[test]
    fn a_connection_that_ends_gives_back_the_bytes_of_its_answers() {
        let in_all: Arc<UnsentInAll> = Arc::default();
        let unsent = Unsent::new(Arc::default(), in_all.clone());
        unsent.hold(7);
        assert_eq!(in_all.bytes(), 7);
        drop(unsent);
        assert_eq!(in_all.bytes(), 0);
    }
}
