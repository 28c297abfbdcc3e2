//! Refuses at once what could not be worked on in time: at most so many requests are in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use crate::Problem;

/// Counts requests in flight and refuses those over the bound.
#[derive(Debug)]
pub(crate) struct Admission {
    bound: u64,
    in_flight: AtomicU64,
    refused: AtomicU64,
}

/// A place among the requests in flight, given back by drop.
#[derive(Debug)]
pub(crate) struct Place(Arc<Admission>);

impl Admission {
    pub(crate) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self { bound: bound as u64, in_flight: AtomicU64::new(0), refused: AtomicU64::new(0) })
    }

    /// Takes a place, or says that there is none.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Place, Problem> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        if before < self.bound {
            return Ok(place);
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        let detail = format!("{} requests are being worked on, which is the most; try again in a moment", self.bound);
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Duration::from_secs(1)))
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_by_drop_and_a_refusal_takes_none() {
        let admission = Admission::new(1);
        let place = admission.enter().unwrap();
        assert_eq!(admission.enter().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(place);
        assert!(admission.enter().is_ok());
        assert_eq!((admission.in_flight(), admission.refused()), (0, 1));
    }
}
