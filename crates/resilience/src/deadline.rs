//! The moment after which nobody waits for an answer.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// The moment after which nobody waits for an answer. Set once at the edge, carried by the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    at: Instant,
}

/// The deadline passed before the work was done; the work was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed before the work was done")]
pub struct Expired;

impl Deadline {
    /// So long from now.
    pub fn after(duration: Duration) -> Self {
        Self::since(Instant::now(), duration)
    }

    /// So long from `start`.
    pub fn since(start: Instant, duration: Duration) -> Self {
        // Thirty years stand for "never" where the sum would overflow.
        let at = start.checked_add(duration).unwrap_or_else(|| start + Duration::from_secs(86_400 * 365 * 30));
        Self { at }
    }

    /// The deadline of the task that runs now, when it has one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// So long from now, or the running task's deadline when that is sooner.
    pub fn after_or_current(duration: Duration) -> Self {
        let own = Self::after(duration);
        Self::current().map_or(own, |current| own.min(current))
    }

    /// When it is.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// What is left; zero when it has passed.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    /// Runs `work` until this deadline, which the work sees as [`Deadline::current`].
    ///
    /// # Errors
    /// [`Expired`], with the work dropped at its await.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = Result<F::Output, Expired>> {
        // The work is wrapped here and not in the block, which would hold it once more.
        let timed = tokio::time::timeout_at(self.at, CURRENT.scope(self, work));
        async move { timed.await.map_err(|_| Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_past_its_deadline_is_dropped_and_says_so() {
        struct Dropped<'a>(&'a std::cell::Cell<bool>);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let dropped = std::cell::Cell::new(false);
        let work = async {
            let _guard = Dropped(&dropped);
            std::future::pending::<()>().await;
        };
        assert_eq!(Deadline::after(Duration::from_secs(1)).scope(work).await, Err(Expired));
        assert!(dropped.get());
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_deadline_can_only_be_sooner() {
        let outer = Deadline::after(Duration::from_secs(1));
        let seen = outer.scope(async { Deadline::after_or_current(Duration::from_secs(60)) }).await;
        assert_eq!(seen, Ok(outer));
        let sooner = outer.scope(async { Deadline::after_or_current(Duration::from_millis(1)) }).await.unwrap();
        assert!(sooner < outer);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_duration_does_not_overflow() {
        assert!(!Deadline::after(Duration::MAX).is_over());
    }
}
