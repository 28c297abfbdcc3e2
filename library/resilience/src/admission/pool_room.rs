//! Room in the pools that routes use: the users of each, and the admitted requests that have not come to it yet.

use super::pool::Pool;

/// The most pools of a gate; further ones do not bind.
const MAX_POOLS: usize = 16;
/// Seconds in which the number of those that are still to come falls to a third: some requests never come.
const COMING: f64 = 0.1;

/// The pools of a gate.
#[derive(Clone, Debug, Default)]
pub(super) struct PoolRoom {
    pools: Vec<Expected>,
}

#[derive(Clone, Debug)]
struct Expected {
    pool: Pool,
    coming: f64,
    at: f64,
}

/// The pools that a route uses, by their numbers.
pub(super) type UsedPools = u16;

impl PoolRoom {
    /// The numbers of pools.
    pub(super) fn numbers(&mut self, now: f64, pools: &[Pool]) -> UsedPools {
        pools.iter().filter_map(|pool| self.number(now, pool)).fold(0, |numbers, number| numbers | 1 << number)
    }

    fn number(&mut self, now: f64, pool: &Pool) -> Option<usize> {
        let known = self.pools.iter().position(|known| known.pool.is(pool));
        if known.is_none() && self.pools.len() < MAX_POOLS {
            self.pools.push(Expected { pool: pool.clone(), coming: 0.0, at: now });
            return Some(self.pools.len() - 1);
        }
        known
    }

    /// A request that will use these pools was admitted.
    pub(super) fn admitted(&mut self, now: f64, used: UsedPools) {
        for (number, expected) in self.pools.iter_mut().enumerate() {
            if used & (1 << number) != 0 {
                (expected.coming, expected.at) = (expected.coming(now) + 1.0, now);
                expected.pool.take_come();
            }
        }
    }

    /// True when a further request would wait too long for one of these pools. The objective is in seconds.
    pub(super) fn is_full(&self, now: f64, used: UsedPools, objective: f64) -> bool {
        let mut of_route = self.pools.iter().enumerate().filter(|(number, _)| used & (1 << number) != 0);
        used != 0 && of_route.any(|(_, expected)| expected.pool.is_full(objective, expected.coming(now)))
    }
}

impl Expected {
    fn coming(&self, now: f64) -> f64 {
        let left = self.coming * (-(now - self.at).max(0.0) / COMING).exp();
        (left - f64::from(self.pool.come())).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::admission::pool::RoutePools;

    #[test]
    fn requests_that_were_admitted_count_until_they_have_come_or_never_do() {
        let (mut room, pool, route) = (PoolRoom::default(), Pool::new(1), RoutePools::default());
        pool.entered();
        pool.left(Some(Duration::from_millis(10)));
        let used = room.numbers(0.0, std::slice::from_ref(&pool));
        (0..5).for_each(|_| room.admitted(0.0, used));
        assert!(room.is_full(0.0, used, 0.5));
        assert!(!room.is_full(0.0, 0, 0.5), "another route");
        // They come, and are through.
        (0..5).for_each(|_| route.uses(&pool));
        assert!(!room.is_full(0.0, used, 0.5));
        (0..5).for_each(|_| room.admitted(0.1, used));
        assert!(room.is_full(0.1, used, 0.5));
        assert!(!room.is_full(0.2, used, 0.5), "they do not come");
    }
}
