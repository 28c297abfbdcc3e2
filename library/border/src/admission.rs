//! Admission control: bounds the requests in flight and refuses the rest at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;

use crate::Problem;
use crate::client::Client;
use crate::held_body::held_by;

/// Counts requests in flight and refuses those over the bound of all, or over that of one address.
#[derive(Debug)]
pub(crate) struct Admission {
    bound: u64,
    bound_per_address: u64,
    in_flight: AtomicU64,
    refused: AtomicU64,
}

/// Permission to work on one request, returned on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    client: Option<Arc<Client>>,
}

impl Admission {
    pub(crate) fn new(bound: usize, bound_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            bound: bound as u64,
            bound_per_address: bound_per_address as u64,
            in_flight: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Acquires a permit, counted for its client too where that is known, or refuses the request.
    pub(crate) fn enter(self: &Arc<Self>, client: Option<Arc<Client>>) -> Result<Permit, Problem> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let of_client = client.as_ref().map_or(0, |client| client.requests.fetch_add(1, Ordering::Relaxed));
        let permit = Permit { admission: self.clone(), client };
        let detail = if before >= self.bound {
            format!("{} requests are open, which is the most (in_flight); try again in a moment", self.bound)
        } else if of_client >= self.bound_per_address {
            let bound = self.bound_per_address;
            format!(
                "{bound} requests from this address are open, which is the most for one (in_flight_per_address); try again in a moment"
            )
        } else {
            return Ok(permit);
        };
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Duration::from_secs(1)))
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Permit {
    /// A body that keeps the permit until it is dropped, for servers other than [`crate::Listener`].
    pub(crate) fn held_by(self, body: Body) -> Body {
        held_by(self, body)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(client) = &self.client {
            client.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_returned_on_drop_and_a_refusal_takes_none() {
        let admission = Admission::new(1, 1);
        let permit = admission.enter(None).unwrap();
        assert_eq!(admission.enter(None).unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(permit);
        assert!(admission.enter(None).is_ok());
        assert_eq!((admission.in_flight(), admission.refused()), (0, 1));
    }

    #[test]
    fn one_address_leaves_permits_to_others_and_gets_its_own_back() {
        let admission = Admission::new(3, 2);
        let (one, other) = (Arc::new(Client::default()), Arc::new(Client::default()));
        let mut permits: Vec<Permit> = (0..2).map(|_| admission.enter(Some(one.clone())).unwrap()).collect();
        let refused = admission.enter(Some(one.clone())).unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(admission.enter(Some(other.clone())).is_ok());
        permits.pop();
        assert!(admission.enter(Some(one.clone())).is_ok());
        assert_eq!((one.requests.load(Ordering::Relaxed), other.requests.load(Ordering::Relaxed)), (1, 0));
    }
}
