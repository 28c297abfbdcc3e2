//! Pressure on connections: when nearly all that a listener may have are open, the longest idle ones are closed to make place for new ones.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::connection::Connection;

/// Part of the connections beyond which there is pressure.
const PRESSURE: f64 = 0.8;
/// Time between two searches for idle connections: a search looks at all of them.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener, to find idle ones.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    /// At most twice the open connections: dead entries are removed when the list has doubled.
    connections: Vec<Weak<Connection>>,
    compact_at: usize,
    searched: Option<Instant>,
}

impl OpenConnections {
    /// Adds a connection. It is forgotten when it is dropped.
    pub(crate) fn add(&self, connection: &Arc<Connection>) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.connections.len() >= list.compact_at {
            list.connections.retain(|connection| connection.strong_count() > 0);
            list.compact_at = (list.connections.len() * 2).max(64);
        }
        list.connections.push(Arc::downgrade(connection));
    }

    /// Ends idle connections when more than [`PRESSURE`] of `limit` are open: as few as that takes, the longest idle first. Returns how many.
    pub(crate) fn relieve(&self, open: u64, limit: usize, idle_for: Duration) -> usize {
        let most = (limit as f64 * PRESSURE) as u64;
        let Some(excess) = open.checked_sub(most).filter(|excess| *excess > 0) else { return 0 };
        let now = Instant::now();
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.searched.is_some_and(|searched| now.saturating_duration_since(searched) < PAUSE) {
            return 0;
        }
        list.searched = Some(now);
        let mut idle: Vec<(Instant, Arc<Connection>)> = list
            .connections
            .iter()
            .filter_map(Weak::upgrade)
            .filter_map(|connection| Some((connection.idle_since()?, connection)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= idle_for)
            .collect();
        drop(list);
        idle.sort_by_key(|(since, _)| *since);
        idle.truncate(usize::try_from(excess).unwrap_or(usize::MAX));
        idle.iter().for_each(|(_, connection)| connection.retire());
        idle.len()
    }
}

#[cfg(test)]
mod tests {
    use supervision::StopSource;

    use super::*;
    use crate::exchange::Exchange;
    use crate::state::Stage;

    const IDLE: Duration = Duration::from_secs(5);

    fn connection(stop: &StopSource) -> Arc<Connection> {
        Arc::new(Connection::new(Arc::default(), Default::default(), stop.listen(), stop.listen()))
    }

    /// A connection that is idle from now on.
    fn idle(stop: &StopSource) -> Arc<Connection> {
        let connection = connection(stop);
        connection.request();
        connection.answered();
        connection.ended(Stage::Answering, None, 0);
        connection.flushed();
        connection
    }

    #[tokio::test(start_paused = true)]
    async fn under_pressure_the_longest_idle_connections_end_and_no_more_than_needed() {
        let (open, stop) = (OpenConnections::default(), StopSource::new());
        let mut connections = Vec::new();
        for _ in 0..4 {
            connections.push(idle(&stop));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // In another order than that in which they became idle.
        connections.iter().rev().for_each(|connection| open.add(connection));
        tokio::time::advance(IDLE).await;
        assert_eq!(open.relieve(8, 10, IDLE), 0, "no pressure");
        assert_eq!(open.relieve(10, 10, IDLE), 2);
        let retired: Vec<bool> = connections.iter().map(|connection| connection.retires()).collect();
        assert_eq!(retired, [true, true, false, false]);
        assert_eq!(open.relieve(10, 10, IDLE), 0, "it has just looked");
    }

    #[tokio::test(start_paused = true)]
    async fn connections_with_open_requests_new_ones_and_those_that_were_just_used_stay() {
        let (open, stop) = (OpenConnections::default(), StopSource::new());
        let (new, busy, used) = (connection(&stop), idle(&stop), idle(&stop));
        let running = Exchange::begin(busy.clone(), "/");
        for connection in [&new, &busy, &used] {
            open.add(connection);
        }
        tokio::time::advance(IDLE - Duration::from_millis(1)).await;
        assert_eq!(open.relieve(10, 10, IDLE), 0);
        tokio::time::advance(PAUSE).await;
        assert_eq!(open.relieve(10, 10, IDLE), 1);
        assert!(used.retires() && !busy.retires() && !new.retires());
        drop(running);
    }

    #[tokio::test]
    async fn closed_connections_are_forgotten() {
        let (open, stop) = (OpenConnections::default(), StopSource::new());
        for _ in 0..10_000 {
            open.add(&connection(&stop));
        }
        assert!(open.list.lock().unwrap().connections.len() <= 64);
    }
}
