//! Event-loop lag: the time by which a tick of 10 ms comes late because other tasks had the threads.
//!
//! Each tick also reads how busy the threads of the runtime were. The ticker runs while requests come, and sleeps when none has come for a second:
//! an idle process is not woken.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Period of the ticks.
const PERIOD: Duration = Duration::from_millis(10);
/// A tick that is later than this is late.
const LATE: Duration = Duration::from_millis(5);
/// Ticks in time after which the loop does not lag any more: 100 ms.
const IN_TIME: u32 = 10;
/// Ticks without a request after which the ticker sleeps: 1 s.
const UNUSED: u32 = 100;

/// The lag of the event loop that serves a listener.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// Ticks in time that are still to come before the lag is over; 0: no lag.
    left: AtomicU32,
    /// The last tick's lag in microseconds, for the vitals.
    last_micros: AtomicU32,
    /// True when a request has come since the last tick.
    used: AtomicBool,
    sleeps: AtomicBool,
    wake: Notify,
}

impl Lag {
    /// Returns true while ticks come late, and for 100 ms after.
    pub(crate) fn is_high(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// Returns by how much the last tick came late.
    pub(crate) fn last(&self) -> Duration {
        Duration::from_micros(u64::from(self.last_micros.load(Ordering::Relaxed)))
    }

    /// Notes that a request has come: the ticker runs. Returns true when it has slept: no request has come for a second.
    pub(crate) fn request(&self) -> bool {
        // Only written where it changes: every request reads it.
        if !self.used.load(Ordering::Relaxed) {
            // In one order with the ticker's own two steps, so that one of the two sees the other.
            self.used.store(true, Ordering::SeqCst);
            if self.sleeps.load(Ordering::SeqCst) {
                self.wake.notify_one();
                return true;
            }
        }
        false
    }

    /// Measures the lag, for ever, and reports it with the share of the time in which the threads were busy. Cancel-safe.
    pub(crate) async fn watch(&self, report: impl Fn(Duration, f64)) {
        let mut unused = UNUSED;
        let mut threads = Threads::of_this_runtime();
        loop {
            if unused >= UNUSED {
                self.last_micros.store(0, Ordering::Relaxed);
                self.left.store(0, Ordering::Relaxed);
                self.sleeps.store(true, Ordering::SeqCst);
                if !self.used.load(Ordering::SeqCst) {
                    self.wake.notified().await;
                }
                self.sleeps.store(false, Ordering::SeqCst);
                // Nothing has come for a second: the threads had nothing to do.
                threads.busy();
                report(Duration::ZERO, 0.0);
            }
            let asleep = Instant::now();
            tokio::time::sleep(PERIOD).await;
            let late = asleep.elapsed().saturating_sub(PERIOD);
            self.last_micros.store(u32::try_from(late.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
            let left = self.left.load(Ordering::Relaxed);
            let left = if late > LATE { IN_TIME } else { left.saturating_sub(1) };
            self.left.store(left, Ordering::Relaxed);
            report(late, threads.busy());
            unused = if self.used.swap(false, Ordering::SeqCst) { 0 } else { unused + 1 };
        }
    }
}

/// Busy time of the threads of the runtime.
#[derive(Debug)]
struct Threads {
    metrics: tokio::runtime::RuntimeMetrics,
    total: Duration,
    at: Instant,
}

impl Threads {
    fn of_this_runtime() -> Self {
        let metrics = tokio::runtime::Handle::current().metrics();
        Self { metrics, total: Duration::ZERO, at: Instant::now() }
    }

    /// Returns the share of the time since the last call in which the threads were busy.
    fn busy(&mut self) -> f64 {
        let workers = self.metrics.num_workers();
        let total: Duration = (0..workers).map(|worker| self.metrics.worker_total_busy_duration(worker)).sum();
        let (busy, now) = (total.saturating_sub(self.total), Instant::now());
        let time = (now - self.at).as_secs_f64().max(1e-6) * workers as f64;
        (self.total, self.at) = (total, now);
        (busy.as_secs_f64() / time).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn watched() -> Arc<Lag> {
        let lag = Arc::new(Lag::default());
        let watching = lag.clone();
        tokio::spawn(async move { watching.watch(|_, _| ()).await });
        lag
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_tick_is_a_lag_until_ten_ticks_were_in_time() {
        let lag = watched();
        lag.request();
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert!(!lag.is_high());
        // The clock moves on and no task runs: that is what a task that computes does.
        tokio::time::advance(Duration::from_millis(60)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(lag.is_high());
        assert!(lag.last() >= Duration::from_millis(40), "{:?}", lag.last());
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(!lag.is_high());
    }

    #[tokio::test(start_paused = true)]
    async fn the_ticker_sleeps_without_requests_and_runs_again_with_the_next() {
        let lag = watched();
        lag.request();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(lag.sleeps.load(Ordering::Relaxed));
        lag.request();
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert!(!lag.sleeps.load(Ordering::Relaxed));
    }
}
