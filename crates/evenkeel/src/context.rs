//! What a service's parts are given.

use std::sync::Arc;

use client::Client;
use store::Store;
use vitals::{Instance, Registry};

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

    /// The registry of vitals, for parts with state of their own.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// What runs here, and since when.
    pub fn instance(&self) -> &Instance {
        &self.inner.instance
    }
}
