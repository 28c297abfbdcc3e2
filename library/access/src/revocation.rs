//! Sessions that ended before their time.

use std::collections::{BTreeSet, HashSet};
use std::error::Error;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The most sessions that [`MemoryRevocations`] keeps.
const MAX_KEPT: usize = 100_000;

/// An answer that may have to be waited for. An error means that the answer is not known.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// Sessions that were ended before their time. All processes of a service must share them.
pub trait Revocations: Send + Sync {
    /// Ends a session, which would have ended by itself at `until`.
    fn revoke<'a>(&'a self, session: &'a str, until: SystemTime) -> Answer<'a, ()>;

    /// Returns true for a session that was ended.
    fn is_revoked<'a>(&'a self, session: &'a str) -> Answer<'a, bool>;
}

/// Revocations of one process: they end with it, so its keys must too ([`SessionKeys::random`](crate::SessionKeys::random)). It keeps 100,000 sessions; beyond them it
/// forgets the one that would end first.
#[derive(Debug, Default)]
pub struct MemoryRevocations {
    ended: Mutex<Ended>,
}

#[derive(Debug, Default)]
struct Ended {
    ids: HashSet<String>,
    /// The same sessions by the time at which they would have ended.
    by_end: BTreeSet<(SystemTime, String)>,
}

impl Ended {
    fn forget_first(&mut self) {
        if let Some((_, id)) = self.by_end.pop_first() {
            self.ids.remove(&id);
        }
    }
}

impl MemoryRevocations {
    /// Ends a session, which would have ended by itself at `until`.
    pub fn add(&self, session: &str, until: SystemTime) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.ids.insert(session.to_owned()) {
            ended.by_end.insert((until, session.to_owned()));
        }
        while ended.ids.len() > MAX_KEPT {
            ended.forget_first();
        }
    }

    /// Returns true for a session that was ended and would go on at `now`. Sessions that would have ended by then are forgotten.
    pub fn has(&self, session: &str, now: SystemTime) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while ended.by_end.first().is_some_and(|(until, _)| *until < now) {
            ended.forget_first();
        }
        ended.ids.contains(session)
    }
}

impl Revocations for MemoryRevocations {
    fn revoke<'a>(&'a self, session: &'a str, until: SystemTime) -> Answer<'a, ()> {
        self.add(session, until);
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_revoked<'a>(&'a self, session: &'a str) -> Answer<'a, bool> {
        let revoked = self.has(session, SystemTime::now());
        Box::pin(std::future::ready(Ok(revoked)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_ended_session_is_known_until_it_would_have_ended_by_itself() {
        let (ended, now) = (MemoryRevocations::default(), SystemTime::now());
        let hour = Duration::from_secs(3600);
        ended.add("a", now + hour);
        ended.add("b", now + 2 * hour);
        assert!(ended.has("a", now) && ended.has("b", now) && !ended.has("c", now));
        assert!(!ended.has("a", now + hour + Duration::from_secs(1)));
        assert!(ended.has("b", now + hour));
    }
}
