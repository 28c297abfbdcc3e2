//! The calls of a policy, and its handle.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ::vitals::Registry;
use tokio::time::Instant;

use super::attempt_guard::{AttemptGuard, Times};
use super::error::CallError;
use super::group::{Group, NoSuchGroup};
use super::rules::Rules;
use super::shared::{Known, Shared};
use super::terms::{Answered, Attempt, Ended, Repeats, Terms};
use crate::breaker::{Breaker, Ordered};
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::hedge;
use crate::invalid::InvalidRules;
use crate::outcome::{ByResult, Classify, Outcome};
use crate::rate_limit::RateLimit;
use crate::retry::{Attempts, RetryRules, Stop};
use crate::stale::{FallbackOutcome, Stale, StaleRules};
use crate::throttle::Throttle;

/// Policy that protects the calls of one dependency. Cheap to clone; clones share everything.
#[derive(Debug)]
pub struct Policy<C = ByResult> {
    shared: Arc<Shared>,
    /// Caller group with permits of its own, if any.
    group: Option<Arc<Group>>,
    /// The rules that calls follow until others replace them.
    known: Known,
    classify: C,
}

impl<C: Clone> Clone for Policy<C> {
    /// Creates another handle, which reads the rules anew if they were replaced: its calls need not check for that each time.
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        let known = if shared.is_current(&self.known) { self.known.clone() } else { shared.known() };
        Self { shared, known, group: self.group.clone(), classify: self.classify.clone() }
    }
}

impl Policy {
    /// Creates a policy with these rules, for a dependency of this name. `Ok` is a success, `Err` a failure, until [`Policy::classified`].
    ///
    /// # Errors
    /// Invalid rules.
    pub fn new(name: impl Into<Arc<str>>, rules: Rules) -> Result<Self, InvalidRules> {
        rules.check()?;
        let shared = Arc::new(Shared::new(name.into(), rules, Instant::now()));
        Ok(Self { known: shared.known(), shared, group: None, classify: ByResult })
    }
}

impl<C> Policy<C> {
    /// Returns the same policy, with its state, with another classification of results.
    pub fn classified<D>(self, classify: D) -> Policy<D> {
        Policy { shared: self.shared, group: self.group, known: self.known, classify }
    }

    /// Returns the same policy, with its state, for a group of callers: the group has at most its own share of the policy's permits, and leaves
    /// the rest to the others. Errors call it `NAME/GROUP`.
    ///
    /// # Errors
    /// Where the rules name no such group, with those that they name.
    pub fn group(&self, name: &str) -> Result<Self, NoSuchGroup>
    where
        C: Clone,
    {
        let group = self.shared.groups.of(&self.shared.rules(), name, Instant::now())?;
        Ok(Self { group: Some(group), ..self.clone() })
    }

    /// The dependency's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The rules now.
    pub fn rules(&self) -> Arc<Rules> {
        self.shared.rules()
    }

    /// Replaces the rules as a whole. Calls under way end by the old ones; the state of the guards is kept.
    ///
    /// # Errors
    /// Invalid new rules; the old ones stay in force.
    pub fn change(&self, rules: Rules) -> Result<(), InvalidRules> {
        rules.check()?;
        self.shared.replace(rules);
        let (rules, now) = (self.shared.rules(), Instant::now());
        if let Some(bulkhead) = &rules.bulkhead_now(&self.shared.adaptive) {
            self.shared.bulkhead.widen(bulkhead, now);
        }
        self.shared.groups.follow(&rules, now);
        Ok(())
    }

    /// Shows the policy in the registry, as a row of the table `policy` and its groups as rows of `policy_group`, and publishes changes of its
    /// breaker. A policy is shown in one registry: the first.
    pub fn register(&self, registry: &Registry) {
        if self.shared.bus.set(registry.bus().clone()).is_ok() {
            registry.register(Arc::clone(&self.shared));
            registry.register(Arc::clone(&self.shared.groups));
        }
    }

    /// Puts an order for the breaker in force, or with `None` takes it back, and publishes it.
    pub fn order(&self, ordered: Option<Ordered>) {
        let (state, reason) = match &ordered {
            Some(ordered) => (ordered.order.name(), format!("{}: {}", ordered.author, ordered.reason)),
            None => (self.shared.breaker.position().name(), "the order was taken back".to_owned()),
        };
        self.shared.breaker.order(ordered);
        self.shared.publish(state, &reason);
    }

    /// The callee was found to be well by other means, such as an active health check: an open breaker tries calls at once, and
    /// that is published.
    pub fn seems_well(&self, now: Instant) {
        self.shared.changed(self.shared.breaker.seems_well(now));
    }

    /// Returns the breaker, for reading; [`Policy::order`] gives orders that are published.
    pub fn breaker(&self) -> &Breaker {
        &self.shared.breaker
    }

    /// Returns the bulkhead, for reading; for a group, that of the group.
    pub fn bulkhead(&self) -> &Bulkhead {
        self.group.as_ref().map_or(&self.shared.bulkhead, |group| &group.bulkhead)
    }

    /// Returns the rate limit, for reading.
    pub fn rate(&self) -> &RateLimit {
        &self.shared.rate
    }

    /// Returns the throttle, for reading.
    pub fn throttle(&self) -> &Throttle {
        &self.shared.throttle
    }

    /// Returns the retry budget, for reading.
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// Does work that may be repeated: it is idempotent, or the same in every attempt by its idempotency key.
    ///
    /// Cancel-safe if `work` is: a dropped call drops its attempts, and returns their permits at once. The breaker counts it as slow when half of
    /// its attempt's time has passed.
    ///
    /// # Errors
    /// [`CallError`], with the guard that refused, or the last cause.
    pub async fn call<T, E, F, W>(&self, work: F) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        self.run(Repeats::Beside, work).await.map(Answered::into_value)
    }

    /// Attempts, and beside them the same once more when they are slow.
    async fn hedged<T, E, F, W>(&self, terms: &Terms<'_>, delay: Duration, retry: &RetryRules, work: &F) -> Ended<T, E>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let second = || {
            let now = Instant::now();
            // One that fails and waits for its next attempt is not slow, and has its repeats already.
            if terms.failed.load(Relaxed) || !self.shared.budget.withdraw(&retry.budget, now) {
                return None;
            }
            self.shared.tally.hedged.fetch_add(1, Relaxed);
            let terms = Terms { begun: now, failed: AtomicBool::new(false), ..*terms };
            Some(async move { self.attempts(&terms, work).await })
        };
        // Pinned here: what is given to a future has its room in it twice.
        hedge::hedged(pin!(self.attempts(terms, work)), delay, second).await
    }

    /// Does work that may be repeated, or falls back to the alternative: a default, or the answer of another call. The caller sees which of them
    /// it got. The alternative has the remaining time until the deadline; a value that it gives at once is accepted after that too.
    ///
    /// An answer is fresh by the policy's classification, and not because it is `Ok`: for one that counts as a failure, such as a
    /// response of 500, the alternative is asked with [`CallError::BadAnswer`], and only where it gives nothing the caller gets that answer,
    /// as [`FallbackOutcome::Failed`]. Cancel-safe like [`Policy::call`].
    ///
    /// # Errors
    /// [`CallError`], where there is no answer and the alternative gives nothing, or not in time, or the rules have no fallback.
    pub async fn call_or<T, E, F, W>(
        &self,
        work: F,
        alternative: impl AsyncFnOnce(&CallError<E>) -> Option<T>,
    ) -> Result<FallbackOutcome<T, CallError<E>>, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let (rules, begun) = (self.rules(), Instant::now());
        let (cause, answer) = match self.good(self.run(Repeats::Beside, work).await) {
            Ok(value) => return Ok(FallbackOutcome::Fresh(value)),
            Err(failed) => failed,
        };
        let given = match Terms::of(&rules, true, begun).deadline {
            _ if !rules.fallback => None,
            Some(deadline) => deadline.scope(alternative(&cause)).await.ok().flatten(),
            None => alternative(&cause).await,
        };
        match (given, answer) {
            (Some(value), _) => {
                self.shared.tally.fell_back.fetch_add(1, Relaxed);
                Ok(FallbackOutcome::Fallback { value, cause })
            }
            (None, Some(value)) => Ok(FallbackOutcome::Failed { value, cause }),
            (None, None) => Err(cause),
        }
    }

    /// Counts a fallback that was given outside of [`Policy::call_or`] and [`Policy::call_or_stale`], by a caller that follows the same rules.
    pub fn count_fallback(&self) {
        self.shared.tally.fell_back.fetch_add(1, Relaxed);
    }

    /// Does work that may be repeated and keeps its answer, or gives the last good one, with its age.
    ///
    /// An answer is good by the policy's classification, and not because it is `Ok`: one that counts as a failure is not kept, and the
    /// caller gets it, as [`FallbackOutcome::Failed`], only where no good one is known. One that does not count ([`Outcome::NotCounted`],
    /// such as "not found") is good. Cancel-safe like [`Policy::call`].
    ///
    /// # Errors
    /// [`CallError`], where there is no answer and none is known that is young enough, or the rules have no fallback.
    pub async fn call_or_stale<T, E, F, W>(
        &self,
        last: &Stale<T>,
        stale: &StaleRules,
        work: F,
    ) -> Result<FallbackOutcome<Arc<T>, CallError<E>>, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let asked = Instant::now();
        let (cause, answer) = match self.good(self.run(Repeats::Beside, work).await) {
            Ok(value) => {
                let value = Arc::new(value);
                last.keep(Arc::clone(&value), asked);
                return Ok(FallbackOutcome::Fresh(value));
            }
            Err(failed) => failed,
        };
        // How long the call took makes the old answer older.
        let known = if self.rules().fallback { last.last_good(stale, Instant::now()) } else { None };
        match (known, answer) {
            (Some((value, age)), _) => {
                self.shared.tally.fell_back.fetch_add(1, Relaxed);
                Ok(FallbackOutcome::Stale { value, age, cause })
            }
            (None, Some(value)) => Ok(FallbackOutcome::Failed { value: Arc::new(value), cause }),
            (None, None) => Err(cause),
        }
    }

    /// The answer where it does not count as a failure; else why not, with the answer where there is one.
    fn good<T, E>(&self, ended: Ended<T, E>) -> Result<T, (CallError<E>, Option<T>)> {
        match ended {
            Ok(Answered { value, outcome, .. }) if !outcome.is_failure() => Ok(value),
            Ok(Answered { value, attempts, stop, .. }) => {
                Err((CallError::BadAnswer { policy: self.label(), attempts, stop }, Some(value)))
            }
            Err(cause) => Err((cause, None)),
        }
    }

    /// Does work that may be repeated, and never twice at the same time: every guard but hedge. Cancel-safe like [`Policy::call`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_in_turn<T, E, F, W>(&self, work: F) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        self.run(Repeats::InTurn, work).await.map(Answered::into_value)
    }

    /// Does work that must not be repeated: every guard but hedge and retry. Cancel-safe like [`Policy::call`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn once<T, E, F, W>(&self, work: F) -> Result<T, CallError<E>>
    where
        C: Classify<T, E>,
        F: FnOnce(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let mut work = Some(work);
        let only = |attempt| work.take().expect("there is one attempt: it may not be repeated")(attempt);
        self.run_mut(Repeats::Never, only).await.map(Answered::into_value)
    }

    /// Attempts one after the other, of which none begins before the last is over.
    pub(super) async fn run_mut<T, E, F, W>(&self, repeats: Repeats, work: F) -> Ended<T, E>
    where
        C: Classify<T, E>,
        F: FnMut(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let replaced = self.replaced();
        let rules = replaced.as_ref().unwrap_or(&self.known.rules);
        self.attempts(&Terms::of(rules, repeats != Repeats::Never, Instant::now()), work).await
    }

    /// The same, and where the rules hedge a second one beside a slow one.
    pub(super) async fn run<T, E, F, W>(&self, repeats: Repeats, work: F) -> Ended<T, E>
    where
        C: Classify<T, E>,
        F: Fn(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let replaced = self.replaced();
        let rules = replaced.as_ref().unwrap_or(&self.known.rules);
        let terms = Terms::of(rules, repeats != Repeats::Never, Instant::now());
        if let (Repeats::Beside, Some(hedge), Some(retry)) = (repeats, &rules.hedge, &rules.retry)
            && let Some(delay) = self.shared.latencies.delay(hedge)
        {
            // In a box, so that calls which are not hedged have no room for it.
            return Box::pin(self.hedged(&terms, delay, retry, &work)).await;
        }
        self.attempts(&terms, &work).await
    }

    /// Returns true when the rules hedge.
    pub(super) fn hedges(&self) -> bool {
        self.replaced().as_ref().unwrap_or(&self.known.rules).hedge.is_some()
    }

    /// The rules, where the handle's own were replaced. Else a call borrows those, as it would hold a guard or a count while it waits.
    fn replaced(&self) -> Option<Arc<Rules>> {
        (!self.shared.is_current(&self.known)).then(|| self.shared.rules())
    }

    /// Returns the name that errors use.
    fn label(&self) -> Arc<str> {
        Arc::clone(self.group.as_ref().map_or(&self.shared.name, |group| &group.label))
    }

    /// Attempt after attempt.
    async fn attempts<T, E, F, W>(&self, terms: &Terms<'_>, mut work: F) -> Ended<T, E>
    where
        C: Classify<T, E>,
        F: FnMut(Attempt) -> W,
        W: Future<Output = Result<T, E>>,
    {
        let Terms { rules, begun, deadline, repeatable, .. } = *terms;
        let (mut attempts, mut now, mut cause) = (Attempts::begin(begun), begun, None);
        loop {
            let number = attempts.made();
            if deadline.is_some_and(|deadline| now >= deadline.at()) {
                let (bound, within) = terms.cut_by(deadline);
                return Err(CallError::Expired { policy: self.label(), attempts: number - 1, bound, within, cause });
            }
            let last = rules.retry.as_ref().is_none_or(|retry| !repeatable || number >= retry.attempts);
            let mut attempt = AttemptGuard::new(&self.shared, self.group.as_deref(), rules, deadline, now);
            let admitted = match attempt.enter() {
                Ok(None) => attempt.admit(last),
                // In a box, as few wait: those that do not have no room for it.
                Ok(Some(queue)) => match Box::pin(attempt.wait(queue)).await {
                    Ok(()) => attempt.admit(last),
                    Err(refusal) => Err(refusal),
                },
                Err(refusal) => Err(refusal),
            };
            let Times { end, share } = match admitted {
                Ok(times) => times,
                Err((guard, retry_after)) => {
                    self.shared.tally.refused(guard);
                    tracing::debug!(
                        policy = &*self.shared.name,
                        ?guard,
                        attempt = number,
                        ?retry_after,
                        "attempt refused"
                    );
                    return Err(CallError::Refused { policy: self.label(), guard, retry_after, cause });
                }
            };
            let work = work(Attempt { number, deadline: end });
            let mut paid = None;
            let result = match end {
                Some(end) => {
                    let (mut work, mut until) = (pin!(end.as_current(work)), share.unwrap_or(end));
                    loop {
                        match until.bound(work.as_mut()).await {
                            // Its share is used up. It is given up only for an attempt that will be made, and else goes on.
                            None if until < end => {
                                match self.again(terms, &mut attempts, Outcome::Failure, Instant::now()) {
                                    Ok(wait) => {
                                        paid = Some(wait);
                                        break None;
                                    }
                                    Err(_) => until = end,
                                }
                            }
                            result => break result,
                        }
                    }
                }
                None => Some(work.await),
            };
            let outcome = result.as_ref().map_or(Outcome::Failure, |result| self.classify.classify(result));
            now = attempt.settle(outcome, result.is_some());
            let next = paid.map_or_else(|| self.again(terms, &mut attempts, outcome, now), Ok);
            match (next, result) {
                (Ok(wait), result) => {
                    cause = result.and_then(Result::err).or(cause);
                    tokio::time::sleep_until(now + wait).await;
                    now = Instant::now();
                }
                // Also one that speaks against the callee, such as a response that says so: the caller wants to read it.
                (Err(stop), Some(Ok(value))) => return Ok(Answered { value, outcome, attempts: number, stop }),
                (Err(stop), Some(Err(cause))) => {
                    return Err(CallError::Failed { policy: self.label(), attempts: number, stop, cause });
                }
                (Err(stop), None) => {
                    let (bound, within) = terms.cut_by(end);
                    let policy = self.label();
                    return Err(CallError::TimedOut { policy, attempts: number, bound, within, stop, cause });
                }
            }
        }
    }

    /// Returns the wait before the next attempt, or the reason why there is none.
    fn again(
        &self,
        terms: &Terms<'_>,
        attempts: &mut Attempts,
        outcome: Outcome,
        now: Instant,
    ) -> Result<Duration, Stop> {
        let Some(retry) = &terms.rules.retry else { return Err(Stop::NoRetries) };
        if outcome == Outcome::Success {
            self.shared.budget.deposit(&retry.budget);
        }
        let wait = attempts.again(retry, outcome, terms.repeatable, terms.deadline, &self.shared.budget, now)?;
        terms.failed.store(true, Relaxed);
        self.shared.tally.retried.fetch_add(1, Relaxed);
        Ok(wait)
    }
}
