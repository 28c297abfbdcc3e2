//! What a drill acts on. Who runs the drill brings it: the drill does not know how a service is started.

use std::sync::Arc;

use url::Url;

use crate::http::{Exchange, Request};
use crate::proxy::FaultProxy;

/// A service that runs, with proxies in front of its dependencies.
pub trait Stage {
    /// Its public listener.
    fn url(&self) -> Url;

    /// The listener of its operators; the public one when there is no other.
    fn admin(&self) -> Url;

    /// The request of that name.
    fn request(&self, name: &str) -> Option<Kind>;

    /// A path with the names in braces replaced by what earlier answers gave.
    fn filled(&self, path: &str) -> String;

    /// The proxy in front of a dependency.
    fn proxy(&self, dependency: &str) -> Option<&FaultProxy>;

    /// Sends a signal to a process, its whole group.
    ///
    /// # Errors
    /// When there is no such process.
    fn signal(&mut self, process: &str, signal: i32) -> Result<(), String>;

    /// The id of a process that runs, by its name.
    fn pid(&self, process: &str) -> Option<u32>;

    /// Takes every fault away, starts what has ended, and waits until all is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    fn mend(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

/// One kind of request.
#[derive(Clone)]
pub struct Kind {
    /// As plans name it.
    pub name: String,
    /// Makes the next one, with a key of its own.
    pub make: Arc<dyn Fn() -> Request + Send + Sync>,
    /// Whether an exchange is what is expected.
    pub succeeds: Arc<dyn Fn(&Exchange) -> bool + Send + Sync>,
    /// Whether it may be sent again with the same key.
    pub idempotent: bool,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}
