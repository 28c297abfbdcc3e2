//! Memory of the processes that listen at the target's port, when they are on this host.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::process::{Member, Resident};

/// Between two looks. What comes and goes in between is seen at the kernel's own high-water mark, unless that was higher before.
const LOOK: Duration = Duration::from_millis(25);
/// The most processes that are looked at: each look reads a file of each.
const MOST: usize = 64;

/// Resident memory of the processes that listen at the target's port, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Their names, each with how many there are of it.
    pub processes: BTreeMap<String, usize>,
    /// All of them together, before the attack.
    pub before: u64,
    /// By how much it was more at its peak, at least.
    pub grown: u64,
}

/// The processes, and what they have.
#[derive(Debug)]
pub(super) struct MemoryWatch {
    before: Vec<(Member, Resident)>,
    peak: Arc<AtomicU64>,
    looking: tokio::task::JoinHandle<()>,
}

impl MemoryWatch {
    /// Begins to watch the process that listens there; `None` if it cannot be seen: on another host, or of another user.
    pub(super) fn start(address: SocketAddr) -> Option<Self> {
        if !address.ip().is_loopback() {
            return None;
        }
        let members = Member::listening(address.port());
        let before: Vec<(Member, Resident)> =
            members.into_iter().take(MOST).filter_map(|member| Some((member, member.resident()?))).collect();
        if before.is_empty() {
            return None;
        }
        let peak = Arc::new(AtomicU64::new(0));
        let looking = tokio::spawn({
            let (peak, members) = (Arc::clone(&peak), before.iter().map(|(member, _)| *member).collect::<Vec<_>>());
            async move {
                loop {
                    let now: u64 = members.iter().filter_map(Member::resident).map(|reading| reading.now).sum();
                    peak.fetch_max(now, Ordering::Relaxed);
                    tokio::time::sleep(LOOK).await;
                }
            }
        });
        Some(Self { before, peak, looking })
    }

    /// Ends the watch and returns the memory seen until now.
    pub(super) fn end(self) -> Memory {
        let before: u64 = self.before.iter().map(|(_, reading)| reading.now).sum();
        let sampled = self.peak.load(Ordering::Relaxed).saturating_sub(before);
        let marked = self.before.iter().map(|(member, before)| {
            let after = member.resident().filter(|after| after.high_water > before.high_water);
            after.map_or(0, |after| after.high_water.saturating_sub(before.now))
        });
        let grown = marked.max().unwrap_or(0).max(sampled);
        let mut processes = BTreeMap::new();
        for (member, _) in &self.before {
            *processes.entry(member.name().unwrap_or_else(|| "ended".to_owned())).or_default() += 1;
        }
        Memory { processes, before, grown }
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Far more than everything else of a test's process.
    const PIECE: usize = 256 << 20;

    #[tokio::test]
    async fn memory_that_was_given_back_at_once_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let watch = MemoryWatch::start(address).unwrap();
        // No look can come in between: this is the thread that looks.
        drop(std::hint::black_box(vec![1_u8; PIECE]));
        let memory = watch.end();
        assert!(memory.grown >= PIECE as u64 / 2, "{memory:?}");
        assert_eq!(memory.processes.values().sum::<usize>(), 1);
    }

    #[tokio::test]
    async fn no_memory_is_watched_where_nothing_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(MemoryWatch::start(address).is_none());
    }
}
