//! A peer that reads an answer: the time by which it must have taken more of it.
//!
//! It may take nothing for `write_timeout`, and must take `min_rate` on average since the server began to wait for it. What it took of this answer before
//! counts for it.

use std::time::Duration;

use tokio::time::Instant;

use crate::Limits;
use crate::min_rate::MinRate;

/// Counter of the bytes that were written for a peer, and of those that it has taken.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Bytes given to the kernel so far, and those of them before this answer.
    written: u64,
    before: u64,
    stalled: Option<Stall>,
}

/// A time in which the server waits for the peer to take bytes.
#[derive(Debug)]
struct Stall {
    since: Instant,
    /// Bytes that the peer has taken since the connection was opened, and the time at which that was last seen to grow.
    taken: u64,
    progress: Instant,
}

impl Reader {
    /// The kernel took bytes.
    pub(crate) fn was_given(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    /// The kernel has taken everything that was to be sent.
    pub(crate) fn has_all(&mut self) {
        self.stalled = None;
        self.before = self.written;
    }

    /// The kernel takes nothing now. Returns the time by which the peer must have taken more. `acknowledged` are its bytes since the connection was
    /// opened, where they are known.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        acknowledged: Option<u64>,
        write_timeout: Duration,
        limits: &Limits,
    ) -> Instant {
        let taken = acknowledged.unwrap_or(self.written);
        let stall = self.stalled.get_or_insert(Stall { since: now, taken, progress: now });
        if taken > stall.taken {
            (stall.taken, stall.progress) = (taken, now);
        }
        let stops = stall.progress.checked_add(write_timeout);
        let rate = MinRate::of(limits).time_for(taken.saturating_sub(self.before));
        let slow = rate.and_then(|time| stall.since.checked_add(time));
        // Neither: as good as never.
        let never = now + Duration::from_secs(86_400);
        stops.unwrap_or(never).min(slow.unwrap_or(never))
    }
}
