//! Named bulkheads: places that some routes share, and no others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Problem;

/// The most places of a bulkhead.
pub(crate) const MAX_PLACES: u32 = 1_000_000;
/// Time after which a refused request can come again.
const AGAIN: Duration = Duration::from_secs(1);

/// A bulkhead without a queue.
#[derive(Debug)]
pub(crate) struct NamedBulkhead {
    name: Arc<str>,
    places: u32,
    free: Arc<Semaphore>,
    refused: AtomicU64,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct BulkheadPlace {
    _permit: OwnedSemaphorePermit,
}

impl NamedBulkhead {
    /// Creates a bulkhead with this many places, all of them free.
    pub(crate) fn new(name: &str, places: u32) -> Self {
        let free = Arc::new(Semaphore::new(places.min(MAX_PLACES) as usize));
        Self { name: name.into(), places, free, refused: AtomicU64::new(0) }
    }

    /// Takes a place, or refuses at once.
    pub(crate) fn enter(&self) -> Result<BulkheadPlace, Problem> {
        self.free.clone().try_acquire_owned().map(|permit| BulkheadPlace { _permit: permit }).map_err(|_full| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let (name, places) = (&*self.name, self.places);
            let detail = format!("all {places} places of {name} are taken; try again after Retry-After");
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(AGAIN);
            problem.with("code", "bulkhead_full").with("bulkhead", name)
        })
    }

    pub(crate) fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(crate) const fn places(&self) -> u32 {
        self.places
    }

    pub(crate) fn in_use(&self) -> u32 {
        self.places.saturating_sub(u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX))
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bulkhead_refuses_by_its_name_until_a_place_is_given_back() {
        let search = NamedBulkhead::new("search", 1);
        let place = search.enter().unwrap();
        let problem = search.enter().unwrap_err();
        let document = problem.document();
        assert_eq!(
            (problem.status().as_u16(), &document["code"], &document["bulkhead"]),
            (503, &"bulkhead_full".into(), &"search".into())
        );
        assert_eq!((search.in_use(), search.refused()), (1, 1));
        drop(place);
        assert_eq!(search.in_use(), 0);
        assert!(search.enter().is_ok());
    }
}
