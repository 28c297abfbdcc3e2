//! A timer that is more precise than the runtime's timers, whose ticks are a millisecond.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

/// A `timerfd`.
#[derive(Debug)]
pub(super) struct Timer {
    timer: AsyncFd<OwnedFd>,
}

impl Timer {
    // Deprecated for types that lie about their descriptor; an owned one does not, and its successor is unsafe to call.
    #[allow(deprecated, reason = "the successor needs unsafe, which is forbidden here")]
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self { timer: AsyncFd::new(rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?)? })
    }

    /// Until then. Cancel-safe.
    ///
    /// The timer is never read: setting it anew forgets that it has gone off, and saves a system call.
    pub(super) async fn until(&self, then: Instant) {
        loop {
            let wait = then.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return;
            }
            let setting = Itimerspec { it_interval: span(Duration::ZERO), it_value: span(wait) };
            if rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting).is_err() {
                return tokio::time::sleep(wait).await;
            }
            // An event of the setting before may still be on its way, so the clock has the last word.
            let Ok(mut ready) = self.timer.readable().await else { return };
            ready.clear_ready();
        }
    }
}

fn span(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}
