//! The jobs that this process holds of one queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::job::attempt::{Attempt, Signal};
use crate::job::claimed::Held;
use crate::job::lease::Beat;

/// The claimed jobs of one queue, from the claim until their end is stored. The claim bounds their number.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    attempts: Mutex<HashMap<i64, Arc<Attempt>>>,
    removed: Notify,
}

impl InFlight {
    fn attempts(&self) -> MutexGuard<'_, HashMap<i64, Arc<Attempt>>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, held: Held, trusted_until: Instant) -> Arc<Attempt> {
        let attempt = Arc::new(Attempt::new(held, trusted_until));
        self.attempts().insert(held.id, attempt.clone());
        attempt
    }

    /// Removes attempts; one of the same job with another fence stays.
    pub(crate) fn remove(&self, ended: impl IntoIterator<Item = Held>) {
        let mut attempts = self.attempts();
        for held in ended {
            if attempts.get(&held.id).is_some_and(|attempt| attempt.held == held) {
                attempts.remove(&held.id);
            }
        }
        drop(attempts);
        self.removed.notify_one();
    }

    /// Returns once something was removed. Cancel-safe.
    pub(crate) async fn removed(&self) {
        self.removed.notified().await;
    }

    pub(crate) fn len(&self) -> usize {
        self.attempts().len()
    }

    /// Returns true if the attempt is still held as far as this process can see.
    pub(crate) fn is_held(&self, held: Held) -> bool {
        let attempts = self.attempts();
        attempts.get(&held.id).is_some_and(|attempt| attempt.held == held && attempt.present() != Signal::Lost)
    }

    /// The attempts that a heartbeat extends, in the order of their ids, with their progress.
    pub(crate) fn to_beat(&self) -> Vec<(Held, String)> {
        let attempts = self.attempts();
        let beating =
            attempts.values().filter(|attempt| !attempt.is_in_transaction() && attempt.present() != Signal::Lost);
        let mut beating: Vec<_> = beating.map(|attempt| (attempt.held, attempt.progress())).collect();
        beating.sort_unstable_by_key(|(held, _)| held.id);
        beating
    }

    /// Applies the answer to a heartbeat; returns the number of attempts that were lost.
    pub(crate) fn apply(&self, sent: &[(Held, String)], answers: &[Beat], trusted_until: Instant) -> usize {
        let answers: HashMap<i64, bool> = answers.iter().map(|beat| (beat.id, beat.is_cancelled)).collect();
        let attempts = self.attempts();
        let mut lost = 0;
        for (held, _) in sent {
            let Some(attempt) = attempts.get(&held.id).filter(|attempt| attempt.held == *held) else { continue };
            match answers.get(&held.id) {
                Some(is_cancelled) => {
                    attempt.trust_until(trusted_until);
                    if *is_cancelled {
                        attempt.signal(Signal::Cancelled);
                    }
                }
                None => {
                    attempt.signal(Signal::Lost);
                    lost += 1;
                }
            }
        }
        lost
    }

    /// Ends the attempts whose lease cannot be trusted any more; returns their number.
    pub(crate) fn end_untrusted(&self, now: Instant) -> usize {
        let attempts = self.attempts();
        let over =
            attempts.values().filter(|attempt| attempt.trusted_until() <= now && attempt.present() != Signal::Lost);
        over.map(|attempt| attempt.signal(Signal::Lost)).count()
    }

    /// Interrupts all handlers.
    pub(crate) fn interrupt(&self) {
        for attempt in self.attempts().values() {
            attempt.signal(Signal::Interrupted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn held(id: i64, fence: i64) -> Held {
        Held { id, fence }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_missing_from_the_answer_is_lost() {
        let (flights, now) = (InFlight::default(), Instant::now());
        let (kept, lost) = (flights.add(held(1, 1), now), flights.add(held(2, 1), now));
        let answers = [Beat { id: 1, is_cancelled: false }];
        assert_eq!(flights.apply(&flights.to_beat(), &answers, now + Duration::from_secs(1)), 1);
        assert_eq!((kept.present(), lost.present()), (Signal::None, Signal::Lost));
        assert!(flights.is_held(held(1, 1)) && !flights.is_held(held(2, 1)));
        assert_eq!(flights.to_beat().len(), 1, "a lost attempt sends no heartbeats");
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_a_heartbeat_is_lost_before_the_lease_is_over() {
        let (flights, now) = (InFlight::default(), Instant::now());
        flights.add(held(1, 1), now + Duration::from_secs(5));
        assert_eq!(flights.end_untrusted(now + Duration::from_secs(4)), 0);
        assert_eq!(flights.end_untrusted(now + Duration::from_secs(5)), 1);
        assert_eq!(flights.end_untrusted(now + Duration::from_secs(6)), 0, "it is counted once");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_an_old_attempt_leaves_the_new_one_of_the_same_job() {
        let (flights, now) = (InFlight::default(), Instant::now());
        flights.add(held(1, 2), now);
        flights.remove([held(1, 1)]);
        assert_eq!(flights.len(), 1);
        flights.remove([held(1, 2)]);
        assert_eq!(flights.len(), 0);
    }
}
