//! One attempt: admitted by its guards in their order, and settled with each of them at its end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use super::error::Guard;
use super::group::Group;
use super::rules::Rules;
use super::shared::Shared;
use crate::breaker::{BreakerRules, Ticket};
use crate::bulkhead::{BulkheadRules, Permit};
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::rate_limit::Limited;

/// The guard that refused an attempt, and when it is worth asking again, from now on.
pub(super) type Refusal = (Guard, Option<Duration>);

/// The times of an attempt.
pub(super) struct Times {
    /// Deadline at which the attempt is dropped.
    pub(super) end: Option<Deadline>,
    /// Deadline at which the next attempt, if there is one, replaces it.
    pub(super) share: Option<Deadline>,
}

/// Guard at which an attempt has to wait.
pub(super) enum Queue {
    Rate,
    Group,
    Bulkhead,
}

/// The permits, ticket and turn that an attempt holds, from [`AttemptGuard::enter`] by way of [`AttemptGuard::wait`], where it must, and [`AttemptGuard::admit`] to [`AttemptGuard::settle`].
/// Dropped before, it returns all of them: the breaker and the throttle see a cancelled call, and the breaker a slow one where the
/// work ran for long. It is filled where it stands, as moving it
/// would cost more than some guards do.
pub(super) struct AttemptGuard<'p> {
    shared: &'p Shared,
    rules: &'p Rules,
    /// The group that calls, and the rules of its bulkhead.
    group: Option<(&'p Group, &'p BulkheadRules)>,
    /// Deadline of the caller.
    deadline: Option<Deadline>,
    /// The moment of the step.
    now: Instant,
    permit: Option<Permit<'p>>,
    group_permit: Option<Permit<'p>>,
    ticket: Option<(&'p BreakerRules, Ticket)>,
    /// True when the throttle has counted it.
    asked: bool,
    /// True once the work has begun; `end` is then its latest end.
    begun: bool,
    end: Option<Deadline>,
}

impl<'p> AttemptGuard<'p> {
    pub(super) fn new(
        shared: &'p Shared,
        group: Option<&'p Group>,
        rules: &'p Rules,
        deadline: Option<Deadline>,
        now: Instant,
    ) -> Self {
        let group = group.and_then(|group| Some((group, rules.group(&group.name)?)));
        Self {
            shared,
            rules,
            group,
            deadline,
            now,
            permit: None,
            group_permit: None,
            ticket: None,
            asked: false,
            begun: false,
            end: None,
        }
    }

    /// Passes the breaker, then rate limit and bulkheads, or returns the guard to wait for. A refusal by an open breaker takes no turn and no
    /// permit.
    pub(super) fn enter(&mut self) -> Result<Option<Queue>, Refusal> {
        self.ask_breaker()?;
        if let Some(rate) = &self.rules.rate
            && let Err(limited) = self.shared.rate.try_pass(rate, 1, self.now)
        {
            return if rate.patience.is_zero() { Err(by_rate(limited)) } else { Ok(Some(Queue::Rate)) };
        }
        if let Some((group, bulkhead)) = self.group {
            self.group_permit = group.bulkhead.try_enter(bulkhead);
            if self.group_permit.is_none() {
                return Ok(Some(Queue::Group));
            }
        }
        if let Some(bulkhead) = &self.rules.bulkhead_now(&self.shared.adaptive) {
            self.permit = self.shared.bulkhead.try_enter(bulkhead);
            return Ok(self.permit.is_none().then_some(Queue::Bulkhead));
        }
        Ok(None)
    }

    /// A ticket of the breaker. A probe's is given back where a later guard refuses.
    fn ask_breaker(&mut self) -> Result<(), Refusal> {
        if let Some(breaker) = &self.rules.breaker {
            let admitted = self.shared.breaker.admit(breaker, self.now);
            let (ticket, change) = admitted.map_err(|open| (Guard::Breaker, open.retry_after))?;
            self.shared.changed(change);
            self.ticket = Some((breaker, ticket));
        }
        Ok(())
    }

    /// Waits for a turn and permits, and passes the breaker again if it has changed in between.
    pub(super) async fn wait(&mut self, queue: Queue) -> Result<(), Refusal> {
        let until = self.deadline.map(|deadline| deadline.at());
        if let (Queue::Rate, Some(rate)) = (&queue, &self.rules.rate) {
            self.shared.rate.pass(rate, 1, until, self.now).await.map_err(by_rate)?;
            self.now = Instant::now();
        }
        if let (Queue::Rate | Queue::Group, Some((group, bulkhead))) = (&queue, self.group) {
            let entered = group.bulkhead.enter(bulkhead, until, self.now).await;
            self.group_permit = Some(entered.map_err(|_| {
                group.refused.fetch_add(1, Relaxed);
                (Guard::Bulkhead, None)
            })?);
            self.now = Instant::now();
        }
        if let Some(bulkhead) = self.rules.bulkhead_now(&self.shared.adaptive) {
            let entered = self.shared.bulkhead.enter(&bulkhead, until, self.now).await;
            self.permit = Some(entered.map_err(|_| (Guard::Bulkhead, None))?);
            self.now = Instant::now();
        }
        match &self.ticket {
            Some((_, ticket)) if !self.shared.breaker.is_current(ticket) => self.ask_breaker(),
            _ => Ok(()),
        }
    }

    /// Passes the throttle, and returns the times of the attempt, which is `last` when no other can follow.
    pub(super) fn admit(&mut self, last: bool) -> Result<Times, Refusal> {
        let (shared, now) = (self.shared, self.now);
        if let Some(throttle) = &self.rules.throttle {
            shared.throttle.admit(throttle, now).map_err(|_| (Guard::Throttle, None))?;
            self.asked = true;
        }
        let at_most = self.rules.timeout.as_ref().map(|timeout| Deadline::since(now, timeout.at_most));
        let end = match (at_most, self.deadline) {
            (Some(at_most), Some(deadline)) => Some(at_most.min(deadline)),
            (at_most, deadline) => at_most.or(deadline),
        };
        (self.begun, self.end) = (true, end);
        let share = match (&self.rules.timeout, self.deadline) {
            (Some(timeout), Some(deadline)) if !last && timeout.share < 1.0 => {
                Some(deadline.part(timeout.share, timeout.at_most, now))
            }
            _ => None,
        };
        Ok(Times { end, share })
    }

    /// Ends the attempt, with an answer or without one in its time, and releases its permits. Returns the current time, as far as a guard needs
    /// it.
    pub(super) fn settle(&mut self, outcome: Outcome, answered: bool) -> Instant {
        let (shared, rules) = (self.shared, self.rules);
        match (answered, outcome.is_failure()) {
            (true, false) => shared.tally.answered.raise(),
            (true, true) => drop(shared.tally.failed.fetch_add(1, Relaxed)),
            (false, _) => drop(shared.tally.timed_out.fetch_add(1, Relaxed)),
        }
        // The clock is read only for who wants to know: it is what costs most where all is well.
        if !outcome.is_failure() && !self.looks_back() {
            self.report(outcome, Duration::ZERO, self.now);
            self.release();
            return self.now;
        }
        let now = Instant::now();
        let took = now.saturating_duration_since(self.now);
        self.report(outcome, took, now);
        if let (Some(adaptive), Some(bulkhead)) = (&rules.adaptive, &rules.bulkhead) {
            let in_flight = shared.bulkhead.load().in_flight;
            let grown = shared.adaptive.learn(adaptive, bulkhead.permits, outcome, self.now, now, in_flight);
            self.permit = None;
            if grown && let Some(bulkhead) = rules.bulkhead_now(&shared.adaptive) {
                shared.bulkhead.widen(&bulkhead, now);
            }
        }
        if let (Some(hedge), Outcome::Success) = (&rules.hedge, outcome) {
            shared.latencies.record(hedge, took);
        }
        self.release();
        now
    }

    /// Returns true when a guard needs the end time of an attempt that succeeded. The breaker does only when that can change its decision: an
    /// attempt that is dropped before it would be slow counts as one call, whenever it ended.
    fn looks_back(&self) -> bool {
        let rules = self.rules;
        let slow = |breaker: &BreakerRules| {
            // The usual case, and it adds no times up: every attempt is dropped before.
            if rules.timeout.as_ref().is_some_and(|timeout| timeout.at_most < breaker.slow_after) {
                return false;
            }
            match (self.now.checked_add(breaker.slow_after), self.end) {
                (Some(slow), Some(end)) => slow <= end.at(),
                (slow, None) => slow.is_some(),
                (None, _) => false,
            }
        };
        rules.throttle.is_some()
            || rules.hedge.is_some()
            || rules.adaptive.is_some()
            || rules.breaker.as_ref().is_some_and(|breaker| self.shared.breaker.looks_back(breaker) || slow(breaker))
    }

    /// Returns the permits, before the caller reads the answer.
    fn release(&mut self) {
        self.permit = None;
        self.group_permit = None;
    }

    /// Reports the outcome to breaker and throttle, once.
    fn report(&mut self, outcome: Outcome, took: Duration, now: Instant) {
        if let Some((breaker, ticket)) = self.ticket.take() {
            self.shared.changed(self.shared.breaker.settle(breaker, ticket, outcome, took, now));
        }
        if let (true, Some(throttle)) = (self.asked, &self.rules.throttle) {
            self.asked = false;
            self.shared.throttle.settle(throttle, outcome, now);
        }
    }
}

impl Drop for AttemptGuard<'_> {
    fn drop(&mut self) {
        if self.ticket.is_none() && !self.asked {
            return;
        }
        let (mut took, mut now) = (Duration::ZERO, self.now);
        if let (true, Some((breaker, _))) = (self.begun, &self.ticket) {
            now = Instant::now();
            took = now.saturating_duration_since(self.now);
            // Callers that leave a callee which hangs would else hide it: after half of its time an attempt is slow, whatever the
            // rules call slow.
            if self.end.is_some_and(|end| took >= end.at().saturating_duration_since(self.now) / 2) {
                took = took.max(breaker.slow_after);
            }
        }
        self.report(Outcome::Cancelled, took, now);
    }
}

fn by_rate(limited: Limited) -> Refusal {
    (Guard::RateLimit, limited.retry_after())
}
