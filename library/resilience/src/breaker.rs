//! The circuit breaker: it refuses calls to a failing callee for a while, then admits a few probes.
//!
//! ```text
//!            too many failed or slow          the wait is over: probes are admitted
//!   Closed ------------------------> Open --------------------------------------------> HalfOpen
//!      ^                              ^                                                    |
//!      |                              +------------------ too many of them failed --------+
//!      +---------------------------------------- enough of them succeeded ----------------+
//! ```
//!
//! Each change begins a new epoch, and the answer to a call that was admitted in an earlier one no longer counts. An
//! operator can force a breaker open or closed, or disable it, with an author and a reason. A call takes no lock:
//! the state is one word, outcomes are one more.
//!
//! Source: Michael Nygard, "Release It!", 2007; windows, rates and slow calls as resilience4j has them.

mod phase;
mod window;

use crate::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::phase::{Phase, State, Word};
use self::window::Outcomes;
pub use self::window::{MAX_CALLS, Totals, Window};
use crate::backoff::{Backoff, Jitter};
use crate::invalid::InvalidRules;
use crate::outcome::Outcome;
use crate::setters::setters;

/// Circuit breaker rules: when it opens, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerRules {
    /// Window over which rates are measured.
    pub window: Window,
    /// Opens when this share of the calls in the window failed, 0 to 1; above 1 never.
    pub failure_rate: f64,
    /// Opens when this share of the calls in the window was slow, 0 to 1; above 1 never.
    pub slow_rate: f64,
    /// A call is slow from here on.
    pub slow_after: Duration,
    /// Fewest calls in the window for the rates to count.
    pub minimum_calls: u32,
    /// Number of failures in a row that open it, at any rate; 0 is never.
    pub consecutive_failures: u32,
    /// Time for which it stays open; it grows each time that the probes fail.
    pub wait: Backoff,
    /// Number of probe calls admitted half-open; 1 to 255.
    pub probes: u8,
    /// Time limit for the probes; when they have not ended by then the breaker opens again.
    pub probe_patience: Duration,
}

setters!(BreakerRules: set { window: Window, failure_rate: f64, slow_rate: f64, slow_after: Duration, minimum_calls: u32, consecutive_failures: u32, wait: Backoff, probes: u8, probe_patience: Duration } turn {});

impl Default for BreakerRules {
    /// Half of the last hundred calls failed, of at least twenty; open for half a second, growing to 1.5 s, half of it random, so
    /// that a callee that is well again is in use again within two; three probes, a minute for them.
    fn default() -> Self {
        Self {
            window: Window::Calls(100),
            failure_rate: 0.5,
            slow_rate: 1.0,
            slow_after: Duration::from_secs(60),
            minimum_calls: 20,
            consecutive_failures: 0,
            wait: Backoff::new(Duration::from_millis(500), Duration::from_millis(1500)).spread(Jitter::Equal),
            probes: 3,
            probe_patience: Duration::from_secs(60),
        }
    }
}

impl BreakerRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        self.window.check()?;
        for (name, rate) in [("failure", self.failure_rate), ("slow-call", self.slow_rate)] {
            if !rate.is_finite() || rate <= 0.0 {
                return Err(InvalidRules::BreakerRate { name, rate });
            }
        }
        if self.minimum_calls == 0 {
            return Err(InvalidRules::BreakerMinimum);
        }
        if let Window::Calls(calls) = self.window
            && self.minimum_calls > calls
        {
            return Err(InvalidRules::BreakerNeverJudges { minimum: self.minimum_calls, calls });
        }
        if self.probes == 0 {
            return Err(InvalidRules::NoProbes);
        }
        Ok(())
    }

    /// Number of failed probes that open it again.
    fn fatal_probes(&self) -> u8 {
        ((self.failure_rate.min(1.0) * f64::from(self.probes)).ceil() as u8).max(1)
    }
}

/// An operator override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    /// Forced open: no call is admitted.
    Open = 1,
    /// Everything is admitted; outcomes are counted and change nothing.
    Closed = 2,
    /// Everything is admitted, nothing is counted.
    Disabled = 3,
}

/// An order in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// Forced position.
    pub order: Order,
    /// Author of the order.
    pub author: String,
    /// Reason.
    pub reason: String,
}

/// State of a breaker, for views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Calls are admitted.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls are admitted, to see.
    HalfOpen,
}

/// Admits one call; goes back to [`Breaker::settle`], once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a probe that is never settled keeps its permit until the breaker's patience ends"]
pub struct Ticket {
    epoch: u32,
    probe: bool,
}

/// The call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct Open {
    /// Time until a retry is worthwhile, from now on; none while it is forced open, or while probes are under way.
    pub retry_after: Option<Duration>,
}

/// A change that a call brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// New position.
    pub position: Position,
    /// Reason.
    pub why: &'static str,
}

/// The breaker's state. Rules are given with each call, so that they can change while it lives.
#[derive(Debug)]
pub struct Breaker {
    birth: Instant,
    word: AtomicU64,
    outcomes: Outcomes,
    /// Failures since the last success.
    in_a_row: AtomicU32,
    /// Number of times that it opened since its probes last closed it.
    opened: AtomicU32,
    order: AtomicU8,
    ordered: Mutex<Option<Ordered>>,
}

impl Breaker {
    /// Closed, with nothing counted.
    pub fn new(now: Instant) -> Self {
        Self {
            birth: now,
            word: AtomicU64::new(Phase::BIRTH.pack()),
            outcomes: Outcomes::new(),
            in_a_row: AtomicU32::new(0),
            opened: AtomicU32::new(0),
            order: AtomicU8::new(0),
            ordered: Mutex::new(None),
        }
    }

    /// Admits or refuses a call. The second value is the change of state that this caused.
    ///
    /// # Errors
    /// [`Open`], with when to ask again.
    #[inline]
    pub fn admit(&self, rules: &BreakerRules, now: Instant) -> Result<(Ticket, Option<Change>), Open> {
        match self.order.load(Ordering::Acquire) {
            0 => {}
            order if order == Order::Open as u8 => return Err(Open { retry_after: None }),
            // No probe, also where it is half open: what is ordered does not decide.
            _ => return Ok((Ticket { epoch: self.phase().epoch, probe: false }, None)),
        }
        let mut word = self.word.load(Ordering::Acquire);
        // The usual case, without a look at all that a word can hold.
        if let Some(epoch) = Phase::closed(word) {
            return Ok((Ticket { epoch, probe: false }, None));
        }
        loop {
            let phase = Phase::unpack(word);
            let (next, change) = match phase.state {
                State::Closed => return Ok((Ticket { epoch: phase.epoch, probe: false }, None)),
                State::Open { until } => match self.left(until, now) {
                    Some(left) => return Err(Open { retry_after: Some(left) }),
                    None => (phase.begin(State::half_open(self.seconds(now))), Some(Position::HalfOpen)),
                },
                State::HalfOpen { probes, .. } if probes.taken() < rules.probes => (phase, None),
                State::HalfOpen { since, .. } if self.waited(since, now) >= rules.probe_patience => {
                    self.reopen(phase, rules, now);
                    word = self.word.load(Ordering::Acquire);
                    continue;
                }
                State::HalfOpen { .. } => return Err(Open { retry_after: None }),
            };
            let next = next.with_probe();
            match self.word.compare_exchange_weak(word, next.pack(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let change = change.map(|position| Change { position, why: "the wait is over" });
                    return Ok((Ticket { epoch: next.epoch, probe: true }, change));
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// Returns true while the ticket still admits its call: no change of state since, and no order that forces the breaker open.
    pub fn is_current(&self, ticket: &Ticket) -> bool {
        self.order.load(Ordering::Acquire) != Order::Open as u8 && self.phase().epoch == ticket.epoch
    }

    /// Reports the end of the call that the ticket admitted, which was `took` long. A late outcome, from an earlier epoch, does not count. A
    /// cancelled call counts, as a slow one, only when it took [`BreakerRules::slow_after`] or longer: a caller that leaves a callee that hangs
    /// has observed that.
    pub fn settle(
        &self,
        rules: &BreakerRules,
        ticket: Ticket,
        outcome: Outcome,
        took: Duration,
        now: Instant,
    ) -> Option<Change> {
        let order = self.order.load(Ordering::Acquire);
        if order == Order::Disabled as u8 {
            return None;
        }
        let slow = took >= rules.slow_after;
        if ticket.probe {
            return self.probed(rules, ticket, outcome, slow, now);
        }
        let cancelled = outcome == Outcome::Cancelled;
        let epoch = Phase::closed(self.word.load(Ordering::Acquire))?;
        if epoch != ticket.epoch || !(outcome.counts() || cancelled && slow) {
            return None;
        }
        let phase = Phase { epoch, state: State::Closed };
        let failed = outcome.is_failure();
        // A cancelled call is no success that ends a row of failures.
        let in_a_row = if cancelled { 0 } else { self.row(failed) };
        let at = self.at(rules.window, now);
        self.outcomes.record(rules.window, phase.epoch, failed, slow, at);
        if order == Order::Closed as u8 {
            return None;
        }
        let why = self.too_much(rules, phase, failed || slow, in_a_row, at)?;
        let until = self.until(rules, now);
        let open = phase.begin(State::Open { until });
        self.change(phase, open).then(|| {
            self.opened.fetch_add(1, Ordering::Relaxed);
            Change { position: Position::Open, why }
        })
    }

    /// Returns true when [`Breaker::settle`] needs the end time of a call that succeeded and was not slow.
    pub(crate) fn looks_back(&self, rules: &BreakerRules) -> bool {
        // A good call can be the one from which on rates count, and then opens the breaker from now on for so long.
        matches!(rules.window, Window::Time(_)) || self.outcomes.has_bad()
    }

    /// Returns the position without regard to orders.
    pub fn position(&self) -> Position {
        match self.phase().state {
            State::Closed => Position::Closed,
            State::Open { .. } => Position::Open,
            State::HalfOpen { .. } => Position::HalfOpen,
        }
    }

    /// Returns the counts of the window.
    pub fn totals(&self, rules: &BreakerRules, now: Instant) -> Totals {
        self.outcomes.totals(rules.window, self.phase().epoch, self.at(rules.window, now))
    }

    /// The callee was found to be well by other means, such as an active health check: an open breaker tries calls at once.
    pub fn seems_well(&self, now: Instant) -> Option<Change> {
        let phase = self.phase();
        let State::Open { .. } = phase.state else { return None };
        let next = phase.begin(State::half_open(self.seconds(now)));
        self.change(phase, next).then_some(Change { position: Position::HalfOpen, why: "its health check passed" })
    }

    /// Puts an order in force, or with `None` takes it back. The state goes on from where it was.
    pub fn order(&self, ordered: Option<Ordered>) {
        let mut current = self.orders();
        self.order.store(ordered.as_ref().map_or(0, |ordered| ordered.order as u8), Ordering::Release);
        *current = ordered;
    }

    /// The order in force.
    pub fn ordered(&self) -> Option<Ordered> {
        self.orders().clone()
    }

    fn probed(
        &self,
        rules: &BreakerRules,
        ticket: Ticket,
        outcome: Outcome,
        slow: bool,
        now: Instant,
    ) -> Option<Change> {
        let counts = outcome.counts() || outcome == Outcome::Cancelled && slow && rules.slow_rate <= 1.0;
        let good = counts.then_some(!(outcome.is_failure() || slow && rules.slow_rate <= 1.0));
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let phase = Phase::unpack(word);
            let State::HalfOpen { probes, since } = phase.state else { return None };
            if phase.epoch != ticket.epoch {
                return None;
            }
            let probes = probes.ended(good);
            let (next, change) = if probes.failed >= rules.fatal_probes() {
                let until = self.until(rules, now);
                (phase.begin(State::Open { until }), Some((Position::Open, "too many probes failed")))
            } else if probes.failed + probes.succeeded >= rules.probes {
                (phase.begin(State::Closed), Some((Position::Closed, "enough probes succeeded")))
            } else {
                (Phase { state: State::HalfOpen { probes, since }, ..phase }, None)
            };
            if change.is_some_and(|(position, _)| position == Position::Closed) {
                // Before calls of the new epoch can be counted.
                self.outcomes.clear();
                self.in_a_row.store(0, Ordering::Relaxed);
            }
            match self.word.compare_exchange_weak(word, next.pack(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    match change {
                        Some((Position::Closed, _)) => self.opened.store(0, Ordering::Relaxed),
                        Some((Position::Open, _)) => drop(self.opened.fetch_add(1, Ordering::Relaxed)),
                        _ => {}
                    }
                    return change.map(|(position, why)| Change { position, why });
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// Returns the reason to open, if there is one.
    fn too_much(
        &self,
        rules: &BreakerRules,
        phase: Phase,
        bad: bool,
        in_a_row: u32,
        at: Duration,
    ) -> Option<&'static str> {
        if rules.consecutive_failures > 0 && in_a_row >= rules.consecutive_failures {
            return Some("too many failures in a row");
        }
        // A good outcome raises no rate, but it can be the call from which on rates count.
        if !bad && !self.outcomes.has_bad() {
            return None;
        }
        let totals = self.outcomes.totals(rules.window, phase.epoch, at);
        if totals.calls < rules.minimum_calls {
            return None;
        }
        let reached = |count: u32, rate: f64| f64::from(count) >= rate * f64::from(totals.calls);
        if reached(totals.failed, rules.failure_rate) {
            return Some("too many failures");
        }
        reached(totals.slow, rules.slow_rate).then_some("too many slow calls")
    }

    /// Failures in a row, this call included.
    fn row(&self, failed: bool) -> u32 {
        if failed {
            return self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        }
        // Only read while all is well, so that threads do not fight for the line.
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
        0
    }

    /// The probes did not end in time.
    fn reopen(&self, phase: Phase, rules: &BreakerRules, now: Instant) {
        let until = self.until(rules, now);
        if self.change(phase, phase.begin(State::Open { until })) {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn change(&self, from: Phase, to: Phase) -> bool {
        self.word.compare_exchange(from.pack(), to.pack(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn phase(&self) -> Phase {
        Phase::unpack(self.word.load(Ordering::Acquire))
    }

    /// Returns the end of an opening that begins now, in milliseconds since the breaker's creation.
    fn until(&self, rules: &BreakerRules, now: Instant) -> Word {
        let wait = rules.wait.wait(self.opened.load(Ordering::Relaxed));
        // Rounded up: never sooner than it says.
        Word::of(now.saturating_duration_since(self.birth).saturating_add(wait).as_nanos().div_ceil(1_000_000))
    }

    fn left(&self, until: Word, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.birth);
        Duration::from_millis(until.get()).checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Returns the time since the breaker's creation, if the window needs it.
    fn at(&self, window: Window, now: Instant) -> Duration {
        match window {
            Window::Calls(_) => Duration::ZERO,
            Window::Time(_) => now.saturating_duration_since(self.birth),
        }
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.birth).as_secs()
    }

    fn waited(&self, since: phase::Second, now: Instant) -> Duration {
        since.until(self.seconds(now))
    }

    fn orders(&self) -> MutexGuard<'_, Option<Ordered>> {
        self.ordered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
