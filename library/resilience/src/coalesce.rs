//! Request coalescing: callers with the same key at the same time wait for one piece of work ("singleflight", after Go's
//! `golang.org/x/sync/singleflight`).
//!
//! The work is a task of its own, which belongs to all its callers. The first caller may leave: the work goes on as long as one waits, until the
//! latest of their deadlines. When the last has left, it is aborted. Each flight has a waiter, so there are never more flights than callers.

use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::collections::HashMap;
use std::hash::Hash;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Reason why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The caller's deadline passed; others may still get an answer.
    #[error("the deadline passed while waiting for shared work")]
    Expired,
    /// The work panicked, or its runtime was shut down.
    #[error("the shared work panicked or was shut down")]
    Lost,
}

/// An answer, and whether it was made for this caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared<V> {
    /// The answer.
    pub value: V,
    /// True when another caller had begun the work.
    pub joined: bool,
}

/// The work under way, by key.
#[derive(Debug)]
pub struct Coalescer<K, V> {
    flights: Arc<Flights<K, V>>,
}

type Flights<K, V> = Mutex<HashMap<K, Flight<V>>>;

#[derive(Debug)]
struct Flight<V> {
    work: AbortHandle,
    answer: watch::Receiver<Option<V>>,
    waiters: usize,
}

impl<K, V> Default for Coalescer<K, V> {
    fn default() -> Self {
        Self { flights: Arc::default() }
    }
}

impl<K, V> Coalescer<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Creates a coalescer without work.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the answer of the work that is under way for this key, or else of this `work`. Nothing is kept: a caller that comes after the
    /// answer begins anew. Cancel-safe: a dropped caller no longer counts as waiting.
    ///
    /// The work runs without a deadline of its own: it is dropped when its last caller leaves.
    ///
    /// # Errors
    /// [`NoAnswer`]; errors of the work itself are in `V`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn run<F>(&self, key: K, until: Option<Instant>, work: impl FnOnce() -> F) -> Result<Shared<V>, NoAnswer>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let (waiter, mut answer, joined) = self.join(key, work);
        let given = async { answer.wait_for(Option::is_some).await.ok().and_then(|value| value.clone()) };
        let given = match until {
            Some(until) => tokio::time::timeout_at(until, given).await.map_err(|_| NoAnswer::Expired)?,
            None => given.await,
        };
        drop(waiter);
        given.map(|value| Shared { value, joined }).ok_or(NoAnswer::Lost)
    }

    /// Returns the number of pieces of work under way.
    pub fn flights(&self) -> usize {
        lock(&self.flights).len()
    }

    /// Returns the number of callers that wait for this key.
    pub fn waiters(&self, key: &K) -> usize {
        lock(&self.flights).get(key).map_or(0, |flight| flight.waiters)
    }

    fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> (Waiter<K, V>, watch::Receiver<Option<V>>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let waiter = |id, key| Waiter { flights: self.flights.clone(), key, id };
        if let Some(flight) = lock(&self.flights).get_mut(&key).filter(|flight| flight.goes_on()) {
            flight.waiters += 1;
            return (waiter(flight.work.id(), key), flight.answer.clone(), true);
        }
        // Made outside of the lock, as it is not ours: it may panic, or ask for another key.
        let work = work();
        let mut flights = lock(&self.flights);
        // Somebody may have been faster.
        if let Some(flight) = flights.get_mut(&key).filter(|flight| flight.goes_on()) {
            flight.waiters += 1;
            return (waiter(flight.work.id(), key), flight.answer.clone(), true);
        }
        let (sender, answer) = watch::channel(None);
        let task = tokio::spawn(async move {
            let value = work.await;
            sender.send_replace(Some(value));
        });
        let flight = Flight { work: task.abort_handle(), answer: answer.clone(), waiters: 1 };
        // One that is over can still be here; those who wait for it know it by its id.
        flights.insert(key.clone(), flight);
        (waiter(task.id(), key), answer, false)
    }
}

impl<V> Flight<V> {
    /// Returns true while it can be joined: its answer is still to come.
    fn goes_on(&self) -> bool {
        self.answer.has_changed().is_ok() && self.answer.borrow().is_none()
    }
}

fn lock<K, V>(flights: &Flights<K, V>) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
    // A panic under it comes from a key's own Hash or Eq, with the map unchanged.
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A waiting caller. The last to be dropped ends the flight.
struct Waiter<K: Eq + Hash, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
    id: tokio::task::Id,
}

impl<K: Eq + Hash, V> Drop for Waiter<K, V> {
    fn drop(&mut self) {
        let mut flights = lock(&self.flights);
        let Some(flight) = flights.get_mut(&self.key).filter(|flight| flight.work.id() == self.id) else { return };
        flight.waiters -= 1;
        if flight.waiters == 0 {
            let ended = flights.remove(&self.key);
            drop(flights);
            if let Some(flight) = ended {
                flight.work.abort();
            }
        }
    }
}
