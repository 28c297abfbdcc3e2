//! The context that routes and background parts work with.

use std::sync::Arc;

use border::Problem;
use client::Client;
use resilience::CpuPool;
use store::Store;
use vitals::{Instance, Registry};

use crate::refusal;

/// What routes and background parts work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context<S> {
    pub(crate) inner: Arc<Inner<S>>,
}

#[derive(Debug)]
pub(crate) struct Inner<S> {
    pub(crate) settings: S,
    pub(crate) store: Option<Store>,
    pub(crate) client: Client,
    pub(crate) cpu: CpuPool,
    /// Whether calls that were not answered become clear refusals.
    #[cfg(feature = "without-guards")]
    pub(crate) refuses_clearly: bool,
    pub(crate) registry: Registry,
    pub(crate) instance: Instance,
}

impl<S> Context<S> {
    /// The service's own settings.
    pub fn settings(&self) -> &S {
        &self.inner.settings
    }

    /// The store.
    ///
    /// # Panics
    /// When the service declares none: add [`crate::Service::store`].
    pub fn store(&self) -> &Store {
        self.inner.store.as_ref().expect("the service declares a store: add .store(migrations) to it")
    }

    /// The HTTP client.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Threads of their own for work that computes, or blocks: sized by `CPU_THREADS` and `CPU_QUEUE`.
    pub fn cpu(&self) -> &CpuPool {
        &self.inner.cpu
    }

    /// What a client is told when a dependency gave no answer that can be used: 503 when it was not asked, with when to come again; 504
    /// when it took too long; 500 when the call itself was malformed; else 502.
    pub fn refusal(&self, error: &client::Error) -> Problem {
        #[cfg(feature = "without-guards")]
        if !self.inner.refuses_clearly {
            return Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "");
        }
        refusal::of_call(error)
    }

    /// The registry of vitals, for parts with state of their own.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// What runs here, and since when.
    pub fn instance(&self) -> &Instance {
        &self.inner.instance
    }
}
