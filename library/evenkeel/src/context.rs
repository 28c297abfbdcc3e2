//! The context that routes and background parts work with.

use std::sync::Arc;

use resilience::CpuPool;
use supervision::Stop;
use vitals::{Instance, Registry};

use crate::settings::NoSettings;

/// Context of routes and background parts: settings, store, dependencies. Cheap to clone.
///
/// `S` is the type of the service's own settings. `D` is `()`, or [`Store`](crate::Store) for a service with a store:
/// `Context<Settings, Store>` has the method `store`, `Context<Settings>` does not.
#[derive(Clone, Debug)]
pub struct Context<S = NoSettings, D = ()> {
    settings: Arc<S>,
    database: D,
    shared: Arc<Shared>,
}

/// Parts of a context that do not depend on its types.
#[derive(Debug)]
pub(crate) struct Shared {
    #[cfg(feature = "client")]
    pub(crate) client: client::Client,
    pub(crate) cpu: CpuPool,
    /// True when unanswered calls become clear refusals.
    #[cfg(feature = "without-guards")]
    pub(crate) refuses_clearly: bool,
    pub(crate) registry: Registry,
    pub(crate) instance: Instance,
    pub(crate) stop: Stop,
    #[cfg(feature = "store")]
    pub(crate) observers: border::Observers,
}

impl<S, D> Context<S, D> {
    pub(crate) fn new(settings: Arc<S>, database: D, shared: Arc<Shared>) -> Self {
        Self { settings, database, shared }
    }

    /// Returns the same context for code that was written for other settings or another store.
    pub(crate) fn with<S2, D2>(&self, settings: Arc<S2>, database: D2) -> Context<S2, D2> {
        Context { settings, database, shared: self.shared.clone() }
    }

    #[cfg(feature = "store")]
    pub(crate) fn objectives(&self) -> &telemetry::objectives::Objectives {
        &self.shared.observers.objectives
    }

    #[cfg(feature = "store")]
    pub(crate) fn tracer(&self) -> Option<&telemetry::traces::Tracer> {
        self.shared.observers.tracer.as_ref()
    }

    #[cfg(feature = "store")]
    pub(crate) fn errors(&self) -> Option<&telemetry::errors::Errors> {
        self.shared.observers.errors.as_ref()
    }

    #[cfg(feature = "store")]
    pub(crate) fn shared_settings(&self) -> Arc<S> {
        self.settings.clone()
    }

    pub(crate) fn database(&self) -> &D {
        &self.database
    }

    /// Returns the service's own settings, as they were at the start.
    pub fn settings(&self) -> &S {
        &self.settings
    }

    /// Returns the HTTP client, in which the dependencies of [`Service::dependency`](crate::Service::dependency) are declared. Its calls end with the
    /// request's deadline, and carry its id, trace and criticality.
    #[cfg(feature = "client")]
    pub fn client(&self) -> &client::Client {
        &self.shared.client
    }

    /// Returns the pool of threads for CPU-bound or blocking work, sized by `CPU_THREADS` (default: one less than the cores) and `CPU_QUEUE` (default: 16
    /// queued pieces for each thread). A full queue refuses at once; [`problem_of_work`](crate::problem_of_work) converts the error.
    pub fn cpu(&self) -> &CpuPool {
        &self.shared.cpu
    }

    /// Returns the stop request of the service, for long-lived answers: it is made when the service begins to drain.
    ///
    /// A stream of events ends its answer then, and a WebSocket sends its close frame: the drain waits for both, for at most `DRAIN_TIMEOUT`.
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use std::time::Duration;
    ///
    /// use evenkeel::axum::response::sse::{Event, Sse};
    /// use evenkeel::prelude::*;
    /// use futures_util::StreamExt;
    ///
    /// fn routes(context: &Context) -> Router {
    ///     let stop = context.stop();
    ///     let clock = get(async move || {
    ///         let ticks = futures_util::stream::unfold((), async |()| {
    ///             tokio::time::sleep(Duration::from_secs(1)).await;
    ///             Some((Ok::<_, Infallible>(Event::default().data("tick")), ()))
    ///         });
    ///         Sse::new(ticks.take_until(async move { stop.requested().await }))
    ///     });
    ///     Router::new().route("/clock", clock)
    /// }
    /// # Service::new(build_info!()).routes(routes);
    /// ```
    pub fn stop(&self) -> Stop {
        self.shared.stop.clone()
    }

    /// Returns the problem document for a call without a usable answer: 503 with `Retry-After` when a guard refused the call, 504 when it took
    /// too long; 500 when the call itself was malformed; else 502. The error is in the report of the failed request.
    #[cfg(feature = "client")]
    #[track_caller]
    pub fn refusal(&self, error: &client::Error) -> border::Problem {
        telemetry::errors::note_error(error);
        #[cfg(feature = "without-guards")]
        if !self.shared.refuses_clearly {
            return border::Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "");
        }
        crate::refusal::of_call(error)
    }

    /// Returns the registry of vitals. A part that registers a table in it appears in `/metrics` and `/health`.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Returns the running instance: its build and start time.
    pub fn instance(&self) -> &Instance {
        &self.shared.instance
    }
}

#[cfg(feature = "store")]
impl<S> Context<S, store::Store> {
    /// Returns the store that [`Service::store`](crate::Service::store) declared. It is open and migrated.
    pub fn store(&self) -> &store::Store {
        &self.database
    }
}
