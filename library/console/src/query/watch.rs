//! The end of a question that takes too long, takes too much memory, or is not waited for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Cut;
use super::bounds::{MAX_MEMORY, MEMORY_LOOK};

/// Looks at the clock and the memory while a question runs. Clones share what they saw.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    ends: Instant,
    /// The memory at the start; none where it is not known.
    memory: Option<u64>,
    next_memory_look: Instant,
    is_forsaken: Arc<AtomicBool>,
    /// The number of the cut in [`CUTS`], from 1 on.
    cut: Arc<AtomicU8>,
}

const CUTS: [Cut; 2] = [Cut::Time, Cut::Memory];

impl Watch {
    /// Begins now. The question ends as well when `is_forsaken` becomes true.
    pub(super) fn begin(time: Duration, is_forsaken: Arc<AtomicBool>) -> Self {
        let now = Instant::now();
        Self { ends: now + time, memory: resident(), next_memory_look: now, is_forsaken, cut: Arc::default() }
    }

    /// Returns true when the question must end.
    pub(super) fn must_end(&mut self) -> bool {
        if self.is_forsaken.load(Ordering::Relaxed) {
            return self.ended(0);
        }
        let now = Instant::now();
        if now >= self.ends {
            return self.ended(0);
        }
        if now < self.next_memory_look {
            return false;
        }
        self.next_memory_look = now + MEMORY_LOOK;
        let grown = self.memory.zip(resident()).map_or(0, |(before, now)| now.saturating_sub(before));
        grown > MAX_MEMORY && self.ended(1)
    }

    /// The bound that ended it.
    pub(super) fn cut(&self) -> Option<Cut> {
        CUTS.get(usize::from(self.cut.load(Ordering::Relaxed)).checked_sub(1)?).copied()
    }

    fn ended(&self, cut: u8) -> bool {
        self.cut.store(cut + 1, Ordering::Relaxed);
        true
    }
}

/// Resident memory of the process in bytes, where the system tells.
fn resident() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes << 10)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_ends_at_its_time_or_when_it_is_forsaken() {
        let mut watch = Watch::begin(Duration::from_secs(3600), Arc::default());
        assert!(!watch.must_end() && watch.cut().is_none());
        let mut over = Watch::begin(Duration::ZERO, Arc::default());
        assert!(over.clone().must_end() && over.must_end());
        assert_eq!(over.cut(), Some(Cut::Time));
        watch.is_forsaken.store(true, Ordering::Relaxed);
        assert!(watch.must_end());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn growth_of_the_memory_ends_it() {
        let mut watch = Watch::begin(Duration::from_secs(3600), Arc::default());
        let held = vec![1u8; MAX_MEMORY as usize * 2];
        assert!(watch.must_end(), "{} bytes are held", held.len());
        assert_eq!(watch.cut(), Some(Cut::Memory));
    }
}
