//! One try: let in by its guards, in their order, and settled with each of them when it is over.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use super::group::Group;
use super::{Guard, Policy, Rules, Shared};
use crate::breaker::{BreakerRules, Ticket};
use crate::bulkhead::{BulkheadRules, Permit};
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::rate_limit::Limited;

/// The guard that refused a try, and when it is worth asking again, from now on.
pub(super) type Refusal = (Guard, Option<Duration>);

/// Where a try has to wait.
pub(super) enum Queue {
    Rate,
    Group,
    Bulkhead,
}

/// What a try holds of its guards, from [`Held::enter`] by way of [`Held::wait`], where it must, and [`Held::admit`] to [`Held::settle`].
/// Dropped before, it gives all of it back: the breaker and the throttle see a cancelled call. It is filled where it stands, as moving it
/// would cost more than some guards do.
pub(super) struct Held<'p> {
    shared: &'p Shared,
    rules: &'p Rules,
    /// Who calls, and the places that they may take.
    group: Option<(&'p Group, &'p BulkheadRules)>,
    /// When nobody waits any more.
    deadline: Option<Deadline>,
    /// The moment of the step.
    now: Instant,
    place: Option<Permit<'p>>,
    place_of_group: Option<Permit<'p>>,
    ticket: Option<(&'p BreakerRules, Ticket)>,
    /// Whether the throttle counts on it.
    asked: bool,
}

impl<'p> Held<'p> {
    pub(super) fn nothing<C>(
        policy: &'p Policy<C>,
        rules: &'p Rules,
        deadline: Option<Deadline>,
        now: Instant,
    ) -> Self {
        let group = policy.group.as_deref().and_then(|group| Some((group, rules.group(&group.name)?)));
        let shared = &*policy.shared;
        Self { shared, rules, group, deadline, now, place: None, place_of_group: None, ticket: None, asked: false }
    }

    /// Rate limit and bulkheads, or where to wait.
    pub(super) fn enter(&mut self) -> Result<Option<Queue>, Refusal> {
        if let Some(rate) = &self.rules.rate
            && let Err(limited) = self.shared.rate.try_pass(rate, 1, self.now)
        {
            return if rate.patience.is_zero() { Err(by_rate(limited)) } else { Ok(Some(Queue::Rate)) };
        }
        if let Some((group, bulkhead)) = self.group {
            self.place_of_group = group.bulkhead.try_enter(bulkhead);
            if self.place_of_group.is_none() {
                return Ok(Some(Queue::Group));
            }
        }
        if let Some(bulkhead) = &self.rules.bulkhead_now(&self.shared.adaptive) {
            self.place = self.shared.bulkhead.try_enter(bulkhead);
            return Ok(self.place.is_none().then_some(Queue::Bulkhead));
        }
        Ok(None)
    }

    /// The same for who has to wait there.
    pub(super) async fn wait(&mut self, queue: Queue) -> Result<(), Refusal> {
        let until = self.deadline.map(|deadline| deadline.at());
        if let (Queue::Rate, Some(rate)) = (&queue, &self.rules.rate) {
            self.shared.rate.pass(rate, 1, until, self.now).await.map_err(by_rate)?;
            self.now = Instant::now();
        }
        if let (Queue::Rate | Queue::Group, Some((group, bulkhead))) = (&queue, self.group) {
            let entered = group.bulkhead.enter(bulkhead, until, self.now).await;
            self.place_of_group = Some(entered.map_err(|_| {
                group.refused.fetch_add(1, Relaxed);
                (Guard::Bulkhead, None)
            })?);
            self.now = Instant::now();
        }
        if let Some(bulkhead) = self.rules.bulkhead_now(&self.shared.adaptive) {
            let entered = self.shared.bulkhead.enter(&bulkhead, until, self.now).await;
            self.place = Some(entered.map_err(|_| (Guard::Bulkhead, None))?);
            self.now = Instant::now();
        }
        Ok(())
    }

    /// Breaker and throttle, and then until when the try may run, which is `last` where no other can follow.
    pub(super) fn admit(&mut self, last: bool) -> Result<Option<Deadline>, Refusal> {
        let (shared, now) = (self.shared, self.now);
        if let Some(breaker) = &self.rules.breaker {
            let admitted = shared.breaker.admit(breaker, now);
            let (ticket, change) = admitted.map_err(|open| (Guard::Breaker, open.retry_after))?;
            shared.changed(change);
            self.ticket = Some((breaker, ticket));
        }
        if let Some(throttle) = &self.rules.throttle {
            shared.throttle.admit(throttle, now).map_err(|_| (Guard::Throttle, None))?;
            self.asked = true;
        }
        Ok(match (&self.rules.timeout, self.deadline) {
            (Some(timeout), Some(deadline)) if last => Some(deadline.min(Deadline::since(now, timeout.at_most))),
            (Some(timeout), Some(deadline)) => Some(deadline.part(timeout.share, timeout.at_most, now)),
            (Some(timeout), None) => Some(Deadline::since(now, timeout.at_most)),
            (None, deadline) => deadline,
        })
    }

    /// The try is over, with an answer or without one in its time, and holds nothing any more. What time it is, as far as anybody wants to know.
    pub(super) fn settle(&mut self, outcome: Outcome, answered: bool) -> Instant {
        let (shared, rules) = (self.shared, self.rules);
        match (answered, outcome.is_failure()) {
            (true, false) => shared.tally.answered.raise(),
            (true, true) => drop(shared.tally.failed.fetch_add(1, Relaxed)),
            (false, _) => drop(shared.tally.timed_out.fetch_add(1, Relaxed)),
        }
        // The clock is read only for who wants to know: it is what costs most where all is well.
        if !rules.looks_back() && !outcome.is_failure() {
            self.give_back();
            return self.now;
        }
        let now = Instant::now();
        let took = now.saturating_duration_since(self.now);
        self.tell(outcome, took, now);
        if let (Some(adaptive), Some(bulkhead)) = (&rules.adaptive, &rules.bulkhead) {
            let in_flight = shared.bulkhead.load().in_flight;
            let grown = shared.adaptive.learn(adaptive, bulkhead.permits, outcome, self.now, now, in_flight);
            self.place = None;
            if grown && let Some(bulkhead) = rules.bulkhead_now(&shared.adaptive) {
                shared.bulkhead.widen(&bulkhead, now);
            }
        }
        if let (Some(hedge), Outcome::Success) = (&rules.hedge, outcome) {
            shared.latencies.record(hedge, took);
        }
        self.give_back();
        now
    }

    /// Its places are the next one's before the answer is looked at.
    fn give_back(&mut self) {
        self.place = None;
        self.place_of_group = None;
    }

    /// Tells breaker and throttle, once.
    fn tell(&mut self, outcome: Outcome, took: Duration, now: Instant) {
        if let Some((breaker, ticket)) = self.ticket.take() {
            self.shared.changed(self.shared.breaker.settle(breaker, ticket, outcome, took, now));
        }
        if let (true, Some(throttle)) = (self.asked, &self.rules.throttle) {
            self.asked = false;
            self.shared.throttle.settle(throttle, outcome, now);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.tell(Outcome::Cancelled, Duration::ZERO, self.now);
    }
}

fn by_rate(limited: Limited) -> Refusal {
    (Guard::RateLimit, limited.retry_after())
}
