//! Access log: one line for each request, limited in rate; dropped lines are counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use tokio::time::Instant;

/// Status of a request whose client left before its answer.
pub(crate) const CANCELLED: u16 = 499;

/// Writes access lines, up to a bound for each second, and as many again for errors.
#[derive(Debug)]
pub(crate) struct AccessLog {
    fine: Rate,
    failed: Rate,
}

/// A bound for each second.
#[derive(Debug)]
struct Rate {
    bound: u64,
    started: Instant,
    /// The second, and how many lines it has had.
    second: AtomicU64,
    lines: AtomicU64,
    left_out: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new(lines: u32) -> Self {
        Self { fine: Rate::new(lines), failed: Rate::new(lines) }
    }

    /// Writes one line, or counts it as left out. A request that was cancelled has the status 499, as in nginx's logs. The query is not logged:
    /// it may hold private data.
    pub(crate) fn write(
        &self,
        method: &Method,
        path: &str,
        route: &str,
        status: Option<StatusCode>,
        took: Duration,
        now: Instant,
    ) {
        let status = status.map_or(CANCELLED, |status| status.as_u16());
        let rate = if status >= 500 { &self.failed } else { &self.fine };
        let Some(left_out) = rate.admit(now) else { return };
        let method = method.as_str();
        let duration_ms = took.as_micros() as f64 / 1e3;
        if status >= 500 {
            tracing::warn!(target: "access", method, path, route, status, duration_ms, left_out, "request");
        } else {
            tracing::info!(target: "access", method, path, route, status, duration_ms, left_out, "request");
        }
    }
}

impl Rate {
    fn new(bound: u32) -> Self {
        Self {
            bound: u64::from(bound),
            started: Instant::now(),
            second: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    /// Admits a line, with the number of lines left out since the last one; `None` leaves this line out too.
    fn admit(&self, now: Instant) -> Option<u64> {
        let second = now.saturating_duration_since(self.started).as_secs();
        // Only written when it changes: every request reads it.
        if self.second.load(Ordering::Relaxed) != second && self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
        }
        if self.lines.fetch_add(1, Ordering::Relaxed) < self.bound {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn log_lines_over_the_rate_are_counted_and_reported_in_the_next_second() {
        let rate = Rate::new(2);
        let admit = || rate.admit(Instant::now());
        assert_eq!([admit(), admit(), admit(), admit()], [Some(0), Some(0), None, None]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(admit(), Some(2));
    }
}
