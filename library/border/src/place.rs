//! The place of an admitted request among those that execute.
//!
//! It is given back when the service has done its part: when the body of the answer ends, or when the answer first waits, for its own next
//! piece (a stream of events) or for the peer to take bytes (a slow reader), or when its client was slow with the body
//! of the request ([`crate::body`]). Else as many idle streams or slow readers as the limit would stop the
//! service. Connections and requests that stay open are counted by bounds of their own.

use std::sync::{Mutex, PoisonError};

use resilience::admission::Permit;

/// Place of a request, until it is given back. A place that is dropped was that of a request whose client left.
#[derive(Debug, Default)]
pub(crate) struct HeldPlace(Mutex<Option<Permit>>);

impl HeldPlace {
    /// Keeps a place.
    pub(crate) fn hold(&self, permit: Permit) {
        // One that is still there belongs to a request that has ended without a word.
        drop(self.replace(Some(permit)));
    }

    /// The service has done its part.
    pub(crate) fn answered(&self) {
        if let Some(permit) = self.replace(None) {
            permit.answered();
        }
    }

    /// The time that the request takes means nothing: it was refused for another reason, or the connection speaks another protocol now.
    pub(crate) fn unmeasured(&self) {
        if let Some(permit) = self.replace(None) {
            permit.unmeasured();
        }
    }

    /// The client has left.
    pub(crate) fn cancelled(&self) {
        drop(self.replace(None));
    }

    fn replace(&self, permit: Option<Permit>) -> Option<Permit> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), permit)
    }
}
