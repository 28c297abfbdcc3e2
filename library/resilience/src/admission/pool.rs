//! Pools: places that requests of several routes wait for, such as the connections of a database.
//!
//! The queue of a pool is seen by no route alone: where several routes wait for one writer, each of them takes the waits for its own load, and their limits chase
//! each other. A pool counts its users instead. By Little's law a further one waits for `using / places` times the mean time for which a place is held; while
//! that is more than a share of the objective, requests of the routes that use the pool wait in the gate's queue, where class, client and deadline count.

use std::time::Duration;

use tokio::time::Instant;

use crate::nanos::{nanos, since};
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::sync::{Arc, Mutex, PoisonError};

/// Share of the objective that requests may wait for a place of a pool.
const WAIT: f64 = 0.1;
/// Users that a pool always takes, for each of its places.
const LEAST: f64 = 2.0;
/// Share by which one use moves the mean time of holding.
const STEP: f64 = 1.0 / 16.0;
/// Admitted requests after which the share of those that use a pool is reckoned anew.
const WINDOW: u32 = 32;
/// A route uses a pool from this share of its requests on.
const USES: f64 = 0.5;
/// The most pools that one route is known to use; further ones are not bounded by the gate.
const MAX_POOLS: usize = 4;

tokio::task_local! {
    static CURRENT: Scoped;
}

/// The request of the running task.
#[derive(Debug)]
struct Scoped {
    route: RoutePools,
    /// It has come to a pool.
    has_come: AtomicBool,
}

/// Places that requests of several routes wait for. Cheap to clone; the clones are one pool.
///
/// Call [`Pool::enter`] before the wait for a place. What runs for a request whose server scopes it ([`RoutePools::scope`]) marks its route as one that uses
/// the pool, and the gate admits no more requests of such routes than get a place in time.
///
/// ```
/// use evenkeel_resilience::admission::Pool;
///
/// let connections = Pool::new(10);
/// let mut user = connections.enter(); // before the wait for a connection
/// user.acquired(); // when it is there
/// assert_eq!(connections.using(), 1);
/// drop(user); // when it is given back
/// assert_eq!(connections.using(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    places: u32,
    /// Callers that wait for a place or have one.
    using: AtomicU32,
    /// Mean time for which a place is held, in nanoseconds.
    held: AtomicU64,
    /// Admitted requests that have come here since the gate looked last.
    come: AtomicU32,
}

/// A caller that waits for a place of a pool, or has one; drop it when the place is given back.
#[derive(Debug)]
#[must_use = "a dropped user has left the pool"]
pub struct PoolUser {
    pool: Pool,
    since: Option<Instant>,
}

impl Pool {
    /// Creates a pool with this many places, at least one.
    pub fn new(places: u32) -> Self {
        let (using, held, come) = (AtomicU32::new(0), AtomicU64::new(0), AtomicU32::new(0));
        Self { shared: Arc::new(Shared { places: places.max(1), using, held, come }) }
    }

    /// Counts a caller that begins to wait for a place, and marks the route of the running task's request.
    pub fn enter(&self) -> PoolUser {
        let _ = CURRENT.try_with(|request| {
            if !request.has_come.swap(true, Relaxed) {
                request.route.uses(self);
            }
        });
        self.entered();
        PoolUser { pool: self.clone(), since: None }
    }

    /// Callers that wait for a place or have one.
    pub fn using(&self) -> u32 {
        self.shared.using.load(Relaxed)
    }

    /// Counts a caller, as [`Pool::enter`] does, for virtual time; each call needs one of [`Pool::left`].
    pub fn entered(&self) {
        self.shared.using.fetch_add(1, Relaxed);
    }

    /// Counts a caller of [`Pool::entered`] that has left, after it held a place for this time; none: it stopped to wait.
    pub fn left(&self, held: Option<Duration>) {
        self.shared.using.fetch_sub(1, Relaxed);
        let Some(held) = held else { return };
        let (mean, held) = (self.shared.held.load(Relaxed), nanos(held).max(1));
        // Uses at the same moment can lose one another's step, which is small.
        let moved = if mean == 0 { held } else { (mean as f64 + STEP * (held as f64 - mean as f64)) as u64 };
        self.shared.held.store(moved.max(1), Relaxed);
    }

    /// Admitted requests that have come since the last call of [`Pool::take_come`].
    pub(super) fn come(&self) -> u32 {
        self.shared.come.load(Relaxed)
    }

    pub(super) fn take_come(&self) -> u32 {
        self.shared.come.swap(0, Relaxed)
    }

    /// True when a further caller would wait for a place for more than its share of this objective, in seconds, behind the users and those that are `coming`.
    pub(super) fn is_full(&self, objective: f64, coming: f64) -> bool {
        let places = f64::from(self.shared.places);
        let held = Duration::from_nanos(self.shared.held.load(Relaxed)).as_secs_f64();
        let using = f64::from(self.using()) + coming;
        using + 1.0 > LEAST * places && (using + 1.0) / places * held > WAIT * objective
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl PoolUser {
    /// It has its place from now on.
    pub fn acquired(&mut self) {
        self.since = Some(Instant::now());
    }
}

impl Drop for PoolUser {
    fn drop(&mut self) {
        let held = self.since.map(|acquired| Duration::from_nanos(since(acquired, Instant::now())));
        self.pool.left(held);
    }
}

/// The pools that requests of one route use, learnt from what they do. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RoutePools {
    shared: Arc<Learnt>,
}

#[derive(Debug, Default)]
struct Learnt {
    /// False: none was ever used, so there is nothing to look at.
    any: AtomicBool,
    /// Requests that were admitted in the window.
    admitted: AtomicU32,
    used: Mutex<Vec<Used>>,
}

#[derive(Debug)]
struct Used {
    pool: Pool,
    /// Uses in the window.
    count: u32,
    /// Uses for each admitted request, at most one.
    share: f64,
}

impl RoutePools {
    /// Runs the work of an admitted request of the route. Cancel-safe if `work` is.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(Scoped { route: self, has_come: AtomicBool::new(false) }, work)
    }

    /// Notes that an admitted request of the route has come to a pool: once for each request.
    pub fn uses(&self, pool: &Pool) {
        pool.shared.come.fetch_add(1, Relaxed);
        self.shared.any.store(true, Relaxed);
        let mut used = self.shared.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.iter().position(|used| used.pool.is(pool)) {
            Some(known) => used[known].count = used[known].count.saturating_add(1),
            None if used.len() < MAX_POOLS => used.push(Used { pool: pool.clone(), count: 1, share: 0.0 }),
            None => {}
        }
    }

    /// Notes that a request of the route was admitted. Returns the pools that most of its requests use when they are reckoned anew.
    pub(super) fn admitted(&self) -> Option<Vec<Pool>> {
        let learnt = &self.shared;
        if !learnt.any.load(Relaxed) || learnt.admitted.fetch_add(1, Relaxed) + 1 < WINDOW {
            return None;
        }
        learnt.admitted.store(0, Relaxed);
        let mut used = learnt.used.lock().unwrap_or_else(PoisonError::into_inner);
        for used in used.iter_mut() {
            let share = (f64::from(std::mem::take(&mut used.count)) / f64::from(WINDOW)).min(1.0);
            used.share = if used.share < USES { share } else { (used.share + share) / 2.0 };
        }
        Some(used.iter().filter(|used| used.share >= USES).map(|used| used.pool.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVE: f64 = 0.5;

    /// A pool of one place that is held for 10 ms.
    fn writer() -> Pool {
        let pool = Pool::new(1);
        pool.entered();
        pool.left(Some(Duration::from_millis(10)));
        pool
    }

    #[test]
    fn a_pool_is_full_when_a_further_user_would_wait_for_a_tenth_of_the_objective() {
        let pool = writer();
        (0..4).for_each(|_| pool.entered());
        assert!(!pool.is_full(OBJECTIVE, 0.0), "the fifth is through after 50 ms");
        assert!(pool.is_full(OBJECTIVE, 1.0), "one more is coming");
        pool.entered();
        assert!(pool.is_full(OBJECTIVE, 0.0));
        assert!(!pool.is_full(2.0 * OBJECTIVE, 0.0));
        pool.left(None);
        assert!(!pool.is_full(OBJECTIVE, 0.0));
    }

    #[test]
    fn a_pool_takes_two_users_for_each_place_that_hold_it_for_long() {
        let pool = Pool::new(3);
        pool.entered();
        pool.left(Some(Duration::from_secs(30)));
        (0..5).for_each(|_| pool.entered());
        assert!(!pool.is_full(OBJECTIVE, 0.0));
        pool.entered();
        assert!(pool.is_full(OBJECTIVE, 0.0));
    }

    #[test]
    fn a_route_uses_the_pools_to_which_most_of_its_requests_come() {
        let pool = writer();
        for (every, uses) in [(1, true), (4, false)] {
            let route = RoutePools::default();
            let mut known = Vec::new();
            for number in 0..3 * WINDOW {
                if number % every == 0 {
                    route.uses(&pool);
                }
                known = route.admitted().unwrap_or(known);
            }
            assert_eq!(known.iter().any(|known| known.is(&pool)), uses, "one of {every}");
        }
        assert!(RoutePools::default().admitted().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_marks_the_route_of_its_task_once_and_is_counted_until_it_is_dropped() {
        let (pool, route) = (Pool::new(1), RoutePools::default());
        let request = async {
            for _ in 0..2 {
                let mut user = pool.enter();
                user.acquired();
                tokio::time::advance(Duration::from_millis(60)).await;
            }
            pool.using()
        };
        assert_eq!(route.clone().scope(request).await, 0);
        assert_eq!((pool.take_come(), pool.take_come()), (1, 0));
        (0..2).for_each(|_| pool.entered());
        assert!(pool.is_full(OBJECTIVE, 0.0), "three times 60 ms are more than 50 ms");
        // Work in the background is no request of a route.
        drop(pool.enter());
        assert_eq!((pool.using(), pool.take_come()), (2, 0));
    }
}
