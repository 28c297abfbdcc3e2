//! One value that protects the calls of a dependency: what is around a call, in this order, from the outside in.
//!
//! | guard | does |
//! |---|---|
//! | deadline | when nobody waits any more, nothing is begun and what runs is dropped |
//! | fallback | what is given in the place of an answer, and can be seen to be: [`Policy::call_or`], [`Policy::call_or_stale`] |
//! | hedge | a second call when the first takes longer than most do and has not failed |
//! | retry | what failed and may be repeated is tried again, paid from the budget |
//! | *each try:* rate limit | so many a second; what comes sooner waits for its turn, or is refused |
//! | *each try:* bulkhead | so many at a time, so many more wait; how many is found out where the limit is adaptive |
//! | *each try:* breaker | a callee that fails is left alone |
//! | *each try:* timeout | a try has its share of what is left until the deadline; one with no other behind it has all of it |
//!
//! Cancel-safe: whoever drops a call gives back its place, and a probe's place, at once.

mod error;
mod layer;
mod rules;
mod vitals;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use ::vitals::{Bus, Live, Registry};
use tokio::time::Instant;

pub use self::error::{CallError, Guard};
pub use self::layer::{Guarded, PolicyLayer};
pub use self::rules::{Rules, TimeoutRules};
use self::vitals::Tally;
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, BreakerRules, Ordered, Ticket};
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::deadline::Deadline;
use crate::hedge::Latencies;
use crate::outcome::{ByResult, Classify, Outcome};
use crate::rate_limit::{Limited, RateLimit};
use crate::retry::{RetryRules, Stop, Tries};
use crate::stale::{Answer, Stale, StaleRules};

/// One try, as the work sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When this try is dropped; none where no guard bounds it.
    pub deadline: Option<Deadline>,
}

/// What protects the calls of one dependency. Cheap to clone; clones share everything.
#[derive(Debug)]
pub struct Policy<C = ByResult> {
    shared: Arc<Shared>,
    classify: C,
}

#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    rules: Live<Rules>,
    budget: Budget,
    latencies: Latencies,
    rate: RateLimit,
    bulkhead: Bulkhead,
    adaptive: Adaptive,
    breaker: Breaker,
    tally: Tally,
    /// Where changes are published, once the policy is registered.
    bus: OnceLock<Bus>,
}

impl<C: Clone> Clone for Policy<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), classify: self.classify.clone() }
    }
}

impl Policy {
    /// With these rules, of a dependency of this name. `Ok` is a success, `Err` a failure, until [`Policy::classified`].
    ///
    /// # Errors
    /// What makes no sense in the rules.
    pub fn new(name: impl Into<Arc<str>>, rules: Rules) -> Result<Self, String> {
        rules.check()?;
        let now = Instant::now();
        let shared = Shared {
            name: name.into(),
            rules: Live::new(rules),
            budget: Budget::new(now),
            latencies: Latencies::new(),
            rate: RateLimit::new(now),
            bulkhead: Bulkhead::new(),
            adaptive: Adaptive::new(),
            breaker: Breaker::new(now),
            tally: Tally::default(),
            bus: OnceLock::new(),
        };
        Ok(Self { shared: Arc::new(shared), classify: ByResult })
    }
}

impl<C> Policy<C> {
    /// The same policy, with its state, where results say something else about the callee.
    pub fn classified<D>(self, classify: D) -> Policy<D> {
        Policy { shared: self.shared, classify }
    }

    /// The dependency's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The rules now.
    pub fn rules(&self) -> Arc<Rules> {
        self.shared.rules.get()
    }

    /// Replaces the rules as a whole. Calls under way end by the old ones; what guards know stays.
    ///
    /// # Errors
    /// What makes no sense in the new ones; the old ones stay in force.
    pub fn change(&self, rules: Rules) -> Result<(), String> {
        rules.check()?;
        let bulkhead = rules.bulkhead_now(&self.shared.adaptive);
        self.shared.rules.replace(rules);
        if let Some(bulkhead) = &bulkhead {
            self.shared.bulkhead.widen(bulkhead, Instant::now());
        }
        Ok(())
    }

    /// Shows the policy in the registry, as a row of the table `policy`, and publishes there what its breaker becomes.
    /// A policy is shown in one registry: the first.
    pub fn register(&self, registry: &Registry) {
        if self.shared.bus.set(registry.bus().clone()).is_ok() {
            registry.register(Arc::clone(&self.shared));
        }
    }

    /// Puts an order for the breaker in force, or with `None` takes it back, and publishes it.
    pub fn order(&self, ordered: Option<Ordered>) {
        let (state, reason) = match &ordered {
            Some(ordered) => (ordered.order.name(), format!("{}: {}", ordered.author, ordered.reason)),
            None => (self.shared.breaker.position().name(), "the order was taken back".to_owned()),
        };
        self.shared.breaker.order(ordered);
        self.shared.tell(state, &reason);
    }

    /// The callee was found to be well by other means, such as an active health check: an open breaker tries calls at once, and
    /// that is published.
    pub fn seems_well(&self, now: Instant) {
        self.shared.changed(self.shared.breaker.seems_well(now));
    }

    /// The breaker, to be looked at; orders that are to be published go through [`Policy::order`].
    pub fn breaker(&self) -> &Breaker {
        &self.shared.breaker
    }

    /// The bulkhead, to be looked at.
    pub fn bulkhead(&self) -> &Bulkhead {
        &self.shared.bulkhead
    }

    /// The rate limit, to be looked at.
    pub fn rate(&self) -> &RateLimit {
        &self.shared.rate
    }

    /// The retry budget, to be looked at.
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// Does work that may be repeated: it is idempotent, or the same in every try by its idempotency key.
    ///
    /// # Errors
    /// [`CallError`], with which guard refused and what the last cause was.
    pub async fn call<T, E, F, W>(&self, work: F) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let rules = self.shared.rules.read();
        let now = Instant::now();
        let terms = Terms::of(&rules, true, now);
        let hedged = rules.hedge.and_then(|hedge| self.shared.latencies.delay(&hedge));
        match (hedged, &rules.retry) {
            // In a box, so that calls which are not hedged have no room for a second one.
            (Some(delay), Some(retry)) => Box::pin(self.hedged(&terms, delay, retry, &work, now)).await,
            _ => self.tries(&terms, &work, now).await,
        }
    }

    /// Tries, and beside them the same once more when they are slow.
    async fn hedged<T, E, F, W>(
        &self,
        terms: &Terms<'_>,
        delay: Duration,
        retry: &RetryRules,
        work: &F,
        begun: Instant,
    ) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let mut first = pin!(self.tries(terms, work, begun));
        tokio::select! {
            biased;
            answer = &mut first => return answer,
            () = tokio::time::sleep(delay) => {}
        }
        let now = Instant::now();
        // One that fails and waits for its next try is not slow, and has its repeats already.
        if terms.failed.load(Relaxed) || !self.shared.budget.withdraw(&retry.budget, now) {
            return first.await;
        }
        self.shared.tally.hedged.fetch_add(1, Relaxed);
        let mut second = pin!(self.tries(terms, work, now));
        // The first success is the answer, and the other one is dropped.
        tokio::select! {
            biased;
            answer = &mut first => match answer {
                Ok(answer) => Ok(answer),
                Err(_) => second.await,
            },
            answer = &mut second => match answer {
                Ok(answer) => Ok(answer),
                Err(_) => first.await,
            },
        }
    }

    /// Does work that may be repeated, or gives what the alternative makes of its error: a default, or the answer of another call. The
    /// caller sees which it got. The alternative has what is left until the deadline; what it gives at once is given also after it.
    ///
    /// # Errors
    /// [`CallError`], where the alternative gives nothing, or not in time, or the rules have no fallback.
    pub async fn call_or<T, E, F, W>(
        &self,
        work: F,
        alternative: impl AsyncFnOnce(&CallError<E>) -> Option<T>,
    ) -> Result<Answer<T, CallError<E>>, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let (rules, begun) = (self.rules(), Instant::now());
        match self.call(work).await {
            Ok(answer) => Ok(Answer::Fresh(answer)),
            Err(cause) if !rules.fallback => Err(cause),
            Err(cause) => {
                let other = alternative(&cause);
                let given = match Terms::of(&rules, true, begun).deadline {
                    Some(deadline) => deadline.scope(other).await.ok().flatten(),
                    None => other.await,
                };
                let Some(value) = given else { return Err(cause) };
                self.shared.tally.fell_back.fetch_add(1, Relaxed);
                Ok(Answer::Fallback { value, cause })
            }
        }
    }

    /// Does work that may be repeated and keeps its answer, or gives the last good one, which says how old it is.
    ///
    /// # Errors
    /// [`CallError`], where no answer is known that is young enough, or the rules have no fallback.
    pub async fn call_or_stale<T, E, F, W>(
        &self,
        last: &Stale<T>,
        stale: &StaleRules,
        work: F,
    ) -> Result<Answer<Arc<T>, CallError<E>>, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        match last.or_stale(stale, Instant::now(), self.call(work)).await? {
            Answer::Stale { cause, .. } if !self.rules().fallback => Err(cause),
            answer => {
                self.shared.tally.fell_back.fetch_add(u64::from(!answer.is_fresh()), Relaxed);
                Ok(answer)
            }
        }
    }

    /// Does work that may be repeated, and never twice at the same time: every guard but hedge.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_in_turn<T, E, F, W>(&self, work: F) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let rules = self.shared.rules.read();
        let now = Instant::now();
        self.tries(&Terms::of(&rules, true, now), &work, now).await
    }

    /// Does work that must not be repeated: every guard but hedge and retry.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn once<T, E, F, W>(&self, work: F) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let rules = self.shared.rules.read();
        let now = Instant::now();
        self.tries(&Terms::of(&rules, false, now), &work, now).await
    }

    /// Try after try.
    async fn tries<T, E, F, W>(&self, terms: &Terms<'_>, work: &F, begun: Instant) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let Terms { rules, deadline, repeatable, .. } = *terms;
        let (mut tries, mut now, mut cause) = (Tries::begin(begun), begun, None);
        let policy = || Arc::clone(&self.shared.name);
        loop {
            if deadline.is_some_and(|deadline| now >= deadline.at()) {
                return Err(CallError::Expired { policy: policy(), tries: tries.made() - 1, cause });
            }
            let number = tries.made();
            let last = rules.retry.as_ref().is_none_or(|retry| !repeatable || number >= retry.attempts);
            let ended = match self.attempt(rules, deadline, number, last, work, now).await {
                Ok(ended) => ended,
                Err((guard, retry_after)) => {
                    self.shared.tally.refused(guard);
                    return Err(CallError::Refused { policy: policy(), guard, retry_after, cause });
                }
            };
            now = ended.now;
            if let (Outcome::Success, Some(retry)) = (ended.outcome, &rules.retry) {
                self.shared.budget.deposit(&retry.budget);
            }
            let again = match &rules.retry {
                Some(retry) => tries.again(retry, ended.outcome, repeatable, deadline, &self.shared.budget, now),
                None => Err(Stop::NoNeed),
            };
            match (again, ended.result) {
                (Ok(wait), result) => {
                    terms.failed.store(true, Relaxed);
                    self.shared.tally.retried.fetch_add(1, Relaxed);
                    cause = result.and_then(Result::err).or(cause);
                    tokio::time::sleep_until(now + wait).await;
                    now = Instant::now();
                }
                // Also one that speaks against the callee, such as a response that says so: the caller wants to read it.
                (Err(_), Some(Ok(answer))) => return Ok(answer),
                (Err(stop), Some(Err(cause))) => {
                    return Err(CallError::Failed { policy: policy(), tries: number, stop, cause });
                }
                (Err(_), None) => return Err(CallError::TimedOut { policy: policy(), tries: number, cause }),
            }
        }
    }

    /// One try behind its guards.
    async fn attempt<T, E, F, W>(
        &self,
        rules: &Rules,
        deadline: Option<Deadline>,
        number: u32,
        last: bool,
        work: &F,
        now: Instant,
    ) -> Result<Ended<T, E>, (Guard, Option<Duration>)>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let mut now = now;
        if let Some(rate) = &rules.rate
            && let Err(soon) = self.shared.rate.try_pass(rate, 1, now)
        {
            let refused = |limited: Limited| (Guard::RateLimit, limited.retry_after());
            if rate.patience.is_zero() {
                return Err(refused(soon));
            }
            let until = deadline.map(|deadline| deadline.at());
            // In a box, as few wait: those that do not have no room for it.
            Box::pin(self.shared.rate.pass(rate, 1, until, now)).await.map_err(refused)?;
            now = Instant::now();
        }
        let place = match &rules.bulkhead_now(&self.shared.adaptive) {
            Some(bulkhead) => match self.shared.bulkhead.try_enter(bulkhead) {
                Some(permit) => Some(permit),
                None => {
                    let until = deadline.map(|deadline| deadline.at());
                    let entered = Box::pin(self.shared.bulkhead.enter(bulkhead, until, now)).await;
                    now = Instant::now();
                    Some(entered.map_err(|_| (Guard::Bulkhead, None))?)
                }
            },
            None => None,
        };
        let mut settling = None;
        if let Some(breaker) = &rules.breaker {
            let admitted = self.shared.breaker.admit(breaker, now);
            let (ticket, change) = admitted.map_err(|open| (Guard::Breaker, open.retry_after))?;
            self.shared.changed(change);
            settling = Some(Settling { shared: &self.shared, rules: breaker, ticket, begun: now, over: false });
        }
        let end = match (&rules.timeout, deadline) {
            (Some(timeout), Some(deadline)) => {
                let share = if last { 1.0 } else { timeout.share };
                Some(deadline.part(share, timeout.at_most, now))
            }
            (Some(timeout), None) => Some(Deadline::since(now, timeout.at_most)),
            (None, deadline) => deadline,
        };
        let begun = now;
        let work = work(Attempt { number, deadline: end });
        let result = match end {
            Some(end) => {
                let mut work = pin!(end.seen_in(work));
                // Most of what is answered at once needs no timer.
                match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
                    Poll::Ready(result) => Some(result),
                    // Also where the work has used up what it may do without giving way.
                    Poll::Pending => {
                        let over = tokio::task::unconstrained(tokio::time::sleep_until(end.at()));
                        tokio::select! {
                            biased;
                            result = work => Some(result),
                            () = over => None,
                        }
                    }
                }
            }
            None => Some(work.await),
        };
        let outcome = result.as_ref().map_or(Outcome::Failure, |result| self.classify.classify(result));
        // The clock is read only for who wants to know: it is what costs most where all is well.
        if rules.breaker.is_some() || rules.hedge.is_some() || rules.adaptive.is_some() || outcome.is_failure() {
            now = Instant::now();
        }
        let took = now.saturating_duration_since(begun);
        let counter = match (&result, outcome.is_failure()) {
            (None, _) => &self.shared.tally.timed_out,
            (Some(_), true) => &self.shared.tally.failed,
            (Some(_), false) => &self.shared.tally.answered,
        };
        counter.fetch_add(1, Relaxed);
        if let Some(settling) = settling {
            settling.settle(outcome, took, now);
        }
        if let (Some(adaptive), Some(bulkhead)) = (&rules.adaptive, &rules.bulkhead) {
            let in_flight = self.shared.bulkhead.load().in_flight;
            let grown = self.shared.adaptive.learn(adaptive, bulkhead.permits, outcome, begun, now, in_flight);
            drop(place);
            if grown && let Some(bulkhead) = rules.bulkhead_now(&self.shared.adaptive) {
                self.shared.bulkhead.widen(&bulkhead, now);
            }
        }
        if let (Some(hedge), Outcome::Success) = (&rules.hedge, outcome) {
            self.shared.latencies.record(hedge, took);
        }
        Ok(Ended { result, outcome, now })
    }
}

/// What the tries of one call have in common.
struct Terms<'r> {
    rules: &'r Rules,
    /// When nobody waits any more.
    deadline: Option<Deadline>,
    repeatable: bool,
    /// Whether a try has failed and another one follows.
    failed: AtomicBool,
}

impl<'r> Terms<'r> {
    fn of(rules: &'r Rules, repeatable: bool, now: Instant) -> Self {
        let own = rules.deadline.map(|deadline| Deadline::since(now, deadline));
        let deadline = [own, Deadline::current()].into_iter().flatten().min();
        Self { rules, deadline, repeatable, failed: AtomicBool::new(false) }
    }
}

/// A try that is over; without a result it was dropped at its end.
struct Ended<T, E> {
    result: Option<Result<T, E>>,
    outcome: Outcome,
    now: Instant,
}

/// Tells the breaker what became of a call, also when it was dropped.
struct Settling<'a> {
    shared: &'a Shared,
    rules: &'a BreakerRules,
    ticket: Ticket,
    begun: Instant,
    over: bool,
}

impl Settling<'_> {
    fn settle(mut self, outcome: Outcome, took: Duration, now: Instant) {
        self.over = true;
        self.shared.changed(self.shared.breaker.settle(self.rules, self.ticket, outcome, took, now));
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if !self.over {
            let breaker = &self.shared.breaker;
            let change = breaker.settle(self.rules, self.ticket, Outcome::Cancelled, Duration::ZERO, self.begun);
            self.shared.changed(change);
        }
    }
}
