//! Deadlines: moments after which no caller waits for an answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::Unconstrained;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Instant, Sleep};

use crate::nanos::nanos;
use crate::poll::at_once;

tokio::task_local! {
    static CURRENT: Deadline;
}

/// The moment after which no caller waits for an answer. Set once at the edge, carried by the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    at: Instant,
}

/// The deadline passed before the work was done; the work was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed before the work was done")]
pub struct Expired;

impl Deadline {
    /// Creates a deadline this long from now.
    pub fn after(duration: Duration) -> Self {
        Self::since(Instant::now(), duration)
    }

    /// Creates a deadline this long from `start`.
    pub fn since(start: Instant, duration: Duration) -> Self {
        // Thirty years stand for "never" where the sum would overflow.
        let at = start.checked_add(duration).unwrap_or_else(|| start + Duration::from_secs(86_400 * 365 * 30));
        Self { at }
    }

    /// The deadline of the task that runs now, when it has one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// Creates a deadline this long from now, or returns the running task's when that is sooner.
    pub fn after_or_current(duration: Duration) -> Self {
        let own = Self::after(duration);
        Self::current().map_or(own, |current| own.min(current))
    }

    /// Returns the moment of the deadline.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Returns the remaining time; zero when it has passed.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Returns true once it has passed.
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    /// Returns the deadline after this share of the remaining time, at most `at_most` from now.
    ///
    /// # Panics
    /// When `share` is not between 0 and 1.
    pub fn part(&self, share: f64, at_most: Duration, now: Instant) -> Self {
        assert!((0.0..=1.0).contains(&share), "a share is between 0 and 1, not {share}");
        let left = self.at.saturating_duration_since(now);
        // In whole numbers, as this is done in every attempt: the share is rounded down to a multiple of 2^-32.
        let parts = (share * (1_u64 << 32) as f64) as i64;
        let part = Duration::from_nanos(((u128::from(nanos(left)) * parts as u128) >> 32) as u64);
        Self::since(now, part.min(at_most)).min(*self)
    }

    /// Runs `work` until this deadline, which the work sees as [`Deadline::current`]. Cancel-safe if `work` is: the deadline drops it at an await too.
    ///
    /// # Errors
    /// [`Expired`], with the work dropped at its await.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = Result<F::Output, Expired>> {
        // By hand and not in an `async` block, which would hold the work twice.
        Scoped { work: CURRENT.scope(self, work), until: self, over: None }
    }

    /// Runs the work until this deadline and returns its output; none when the deadline passes first. The caller drops the work.
    pub(crate) async fn bound<F: Future>(self, mut work: Pin<&mut F>) -> Option<F::Output> {
        // Most of what is answered at once needs no timer.
        if let Poll::Ready(output) = at_once(work.as_mut()).await {
            return Some(output);
        }
        // Also where the work has used up what it may do without giving way.
        // In a box, so that work that is answered at once is not larger for it.
        let over = tokio::task::unconstrained(Box::pin(tokio::time::sleep_until(self.at)));
        tokio::select! {
            biased;
            output = work => Some(output),
            () = over => None,
        }
    }

    /// Work that sees this deadline as [`Deadline::current`], and is not ended at it.
    pub(crate) fn as_current<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// Does work that does not wait, which sees this deadline as [`Deadline::current`].
    pub(crate) fn as_current_sync<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }
}

pin_project_lite::pin_project! {
    /// Work with its deadline in force. Work that finishes at its first poll needs no timer.
    struct Scoped<F> {
        #[pin]
        work: TaskLocalFuture<Deadline, F>,
        until: Deadline,
        #[pin]
        over: Option<Unconstrained<Sleep>>,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = Result<F::Output, Expired>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(output) = this.work.poll(context) {
            return Poll::Ready(Ok(output));
        }
        if this.over.is_none() {
            // Also where the work has used up what it may do without giving way.
            this.over.set(Some(tokio::task::unconstrained(tokio::time::sleep_until(this.until.at))));
        }
        match this.over.as_pin_mut() {
            Some(over) => over.poll(context).map(|()| Err(Expired)),
            None => Poll::Pending,
        }
    }
}

/// Encodes the remaining time of a deadline for a header: the `TimeoutValue TimeoutUnit` of gRPC over HTTP/2 (`grpc-timeout`), in milliseconds
/// or, beyond eight digits of those, in seconds. Rounded down, so that a callee never assumes more time than there is.
pub fn encode_timeout(left: Duration) -> String {
    const DIGITS: u128 = 99_999_999;
    match left.as_millis() {
        millis @ ..=DIGITS => format!("{millis}m"),
        millis => format!("{}S", (millis / 1000).min(DIGITS)),
    }
}

/// A text that is no timeout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no timeout: expected 1 to 8 digits and one of H, M, S, m, u, n, such as 250m")]
pub struct NoTimeout(String);

/// Reads [`encode_timeout`]'s text, in any of gRPC's units: `H`, `M`, `S`, `m`, `u`, `n`.
///
/// # Errors
/// The invalid text.
pub fn decode_timeout(text: &str) -> Result<Duration, NoTimeout> {
    let refused = || NoTimeout(text.to_owned());
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refused)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let number: u64 = digits.parse().map_err(|_| refused())?;
    match unit {
        "H" => Ok(Duration::from_secs(number * 3600)),
        "M" => Ok(Duration::from_secs(number * 60)),
        "S" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_millis(number)),
        "u" => Ok(Duration::from_micros(number)),
        "n" => Ok(Duration::from_nanos(number)),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    async fn a_part_is_a_share_of_what_is_left_and_never_later_than_the_whole() {
        let now = Instant::now();
        let whole = Deadline::since(now, Duration::from_secs(10));
        assert_eq!(whole.part(0.5, Duration::MAX, now).left(), Duration::from_secs(5));
        assert_eq!(whole.part(0.5, Duration::from_secs(2), now).left(), Duration::from_secs(2));
        assert_eq!(whole.part(1.0, Duration::MAX, now + Duration::from_secs(60)), whole);
    }

    #[test]
    fn timeouts_are_read_in_every_unit_and_nonsense_is_refused() {
        let read = |text| decode_timeout(text).map(|timeout| timeout.as_nanos());
        assert_eq!(read("2H"), Ok(7_200_000_000_000));
        assert_eq!(read("3M"), Ok(180_000_000_000));
        assert_eq!([read("4S"), read("4m"), read("4u"), read("4n")], [4_000_000_000, 4_000_000, 4000, 4].map(Ok));
        for bad in ["", "m", "123456789m", "1.5S", "-1S", "5x", "5", "5 m", "\u{20ac}"] {
            assert!(decode_timeout(bad).unwrap_err().to_string().contains("250m"), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn an_encoded_timeout_is_read_back_and_never_longer(millis in any::<u64>(), nanos in 0_u32..1_000_000) {
            let left = Duration::from_millis(millis) + Duration::from_nanos(u64::from(nanos));
            let text = encode_timeout(left);
            let back = decode_timeout(&text).unwrap();
            prop_assert!(text.len() <= 9 && back <= left, "{}", text);
            if millis <= 99_999_999 {
                prop_assert_eq!(back, Duration::from_millis(millis));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_duration_does_not_overflow() {
        assert!(!Deadline::after(Duration::MAX).is_over());
    }
}
