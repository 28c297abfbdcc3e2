//! The last good answer, for calls without a new one; the caller sees that it is stale, and its age.
//!
//! After `stale-if-error` (RFC 5861, section 4). A default value or an alternative call is [`or_else`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::invalid::InvalidRules;
use crate::setters::setters;
use tokio::time::Instant;

/// Age limit of stale answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaleRules {
    /// An older one is not given.
    pub max_age: Duration,
}

setters!(StaleRules: set { max_age: Duration } turn {});

impl Default for StaleRules {
    /// Five minutes.
    fn default() -> Self {
        Self { max_age: Duration::from_secs(300) }
    }
}

impl StaleRules {
    /// Answers up to this age.
    pub const fn of(max_age: Duration) -> Self {
        Self { max_age }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.max_age.is_zero() {
            return Err(InvalidRules::StaleAge);
        }
        Ok(())
    }
}

/// An answer, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackOutcome<V, E> {
    /// The call's own.
    Fresh(V),
    /// The last good one.
    Stale {
        /// Stale value.
        value: V,
        /// Age of the value.
        age: Duration,
        /// Reason why there is no fresh one.
        cause: E,
    },
    /// A default, or the value of an alternative.
    Fallback {
        /// Fallback value.
        value: V,
        /// Reason why there is no fresh one.
        cause: E,
    },
    /// The call's own, which counts as a failure, as there is nothing to give instead.
    Failed {
        /// Value of the answer.
        value: V,
        /// Failure by classification, with the number of attempts.
        cause: E,
    },
}

impl<V, E> FallbackOutcome<V, E> {
    /// Returns true for the call's own good answer.
    pub const fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh(_))
    }

    /// The value, wherever it comes from.
    pub fn into_value(self) -> V {
        match self {
            Self::Fresh(value)
            | Self::Stale { value, .. }
            | Self::Fallback { value, .. }
            | Self::Failed { value, .. } => value,
        }
    }

    /// Returns the reason why it is not the call's own good answer.
    pub const fn cause(&self) -> Option<&E> {
        match self {
            Self::Fresh(_) => None,
            Self::Stale { cause, .. } | Self::Fallback { cause, .. } | Self::Failed { cause, .. } => Some(cause),
        }
    }
}

/// The last good answer to one question. One value, shared by all callers.
#[derive(Debug)]
pub struct Stale<V> {
    last: Mutex<Option<(Arc<V>, Instant)>>,
}

impl<V> Default for Stale<V> {
    fn default() -> Self {
        Self { last: Mutex::new(None) }
    }
}

impl<V> Stale<V> {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps an answer that was requested at `asked`. An answer requested earlier than the kept one is dropped: calls overtake each other.
    pub fn keep(&self, value: Arc<V>, asked: Instant) {
        let mut last = self.last();
        let old = match &*last {
            Some((_, kept)) if *kept > asked => return,
            _ => last.replace((value, asked)),
        };
        drop(last);
        // A large value is freed outside of the lock.
        drop(old);
    }

    /// The last good answer and its age, unless it is too old.
    pub fn last_good(&self, rules: &StaleRules, now: Instant) -> Option<(Arc<V>, Duration)> {
        let (value, kept) = self.last().clone()?;
        let age = now.saturating_duration_since(kept);
        (age <= rules.max_age).then_some((value, age))
    }

    /// Forgets the answer, for callers that find it wrong.
    pub fn forget(&self) {
        let old = self.last().take();
        drop(old);
    }

    /// Returns the call's answer, which is kept, or the last good one. Its age counts from the request, so it is never understated. Cancel-safe:
    /// a dropped call keeps nothing.
    ///
    /// # Errors
    /// The call's, where no answer is known that is young enough.
    pub async fn or_stale<E>(
        &self,
        rules: &StaleRules,
        now: Instant,
        call: impl Future<Output = Result<V, E>>,
    ) -> Result<FallbackOutcome<Arc<V>, E>, E> {
        match call.await {
            Ok(value) => {
                let value = Arc::new(value);
                self.keep(value.clone(), now);
                Ok(FallbackOutcome::Fresh(value))
            }
            // How long the call took makes the old answer older.
            Err(cause) => match self.last_good(rules, Instant::now().max(now)) {
                Some((value, age)) => Ok(FallbackOutcome::Stale { value, age, cause }),
                None => Err(cause),
            },
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<(Arc<V>, Instant)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the call's answer, or the alternative's: a default value, or the answer of another call. Cancel-safe if both are.
///
/// # Errors
/// The alternative's. It is given the cause to keep it, or to look at it and to refuse, as not every error is to be covered up.
pub async fn or_else<V, E: Clone, F: Future<Output = Result<V, E>>>(
    call: impl Future<Output = Result<V, E>>,
    alternative: impl FnOnce(E) -> F,
) -> Result<FallbackOutcome<V, E>, E> {
    match call.await {
        Ok(value) => Ok(FallbackOutcome::Fresh(value)),
        Err(cause) => alternative(cause.clone()).await.map(|value| FallbackOutcome::Fallback { value, cause }),
    }
}
