//! Attached process: a program that keel did not start. It is observed, and neither signalled nor ended.

use std::time::{Duration, Instant};

use super::group::{self, Member};
use super::usage::Usage;

/// Between two looks at whether it still runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program of which at most the process id is known.
#[derive(Clone, Copy, Debug)]
pub struct Attached {
    member: Option<Member>,
    /// Since when it is looked at.
    since: Instant,
}

impl Attached {
    /// Attaches to the process of this id, or to one whose id is not known. None when there is no such process.
    pub fn to(pid: Option<u32>) -> Option<Self> {
        let since = Instant::now();
        match pid {
            None => Some(Self { member: None, since }),
            Some(pid) => Member::of(pid).map(|member| Self { member: Some(member), since }),
        }
    }

    /// Its id, when it is known.
    pub fn pid(&self) -> Option<u32> {
        self.member.map(|member| member.pid)
    }

    /// Since when it is looked at.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Its living processes; empty when its id is not known.
    pub fn pids(&self) -> Vec<u32> {
        let members = self.member.map(|member| group::members(member.pid, "")).unwrap_or_default();
        members.into_iter().map(|member| member.pid).collect()
    }

    /// Returns true while it runs, as far as that shows: without an id nothing shows its end.
    pub fn is_running(&self) -> bool {
        self.member.is_none_or(|member| member.is_alive())
    }

    /// Returns its resource usage; empty if its id is not known.
    pub fn usage(&self) -> Usage {
        self.member.map(|member| group::usage(member.pid, "")).unwrap_or_default()
    }

    /// Waits for its end; false when it still runs after `timeout`.
    pub async fn ended_within(&self, timeout: Duration) -> bool {
        let ended = async {
            while self.is_running() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(timeout, ended).await.is_ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::process::{Launch, Process};

    #[tokio::test]
    async fn an_attached_process_is_observed_until_its_end() {
        let mut owner = Process::start(Launch { command: "sleep 1000".to_owned(), ..Launch::default() }).unwrap();
        let attached = Attached::to(Some(owner.pid())).unwrap();
        assert!(attached.is_running() && attached.usage().resident > 0);
        assert_eq!(attached.pids(), [owner.pid()]);
        owner.stop(Duration::from_secs(20)).await;
        assert!(attached.ended_within(Duration::from_secs(20)).await);
        assert!(Attached::to(Some(u32::MAX >> 1)).is_none());
    }

    #[test]
    fn of_a_process_without_a_known_id_nothing_is_seen() {
        let unknown = Attached::to(None).unwrap();
        assert!(unknown.is_running() && unknown.pids().is_empty());
        assert_eq!(unknown.usage(), Usage::default());
    }
}
