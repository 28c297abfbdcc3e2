//! The errors of a service that could not start or go on.

use std::net::SocketAddr;
use std::time::Duration;

use supervision::{EndSignal, Escalation};

use crate::settings::Refused;

/// A cause of any kind.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Error of a service that could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failed {
    /// Settings are missing or malformed.
    #[error("{0}")]
    Settings(#[from] Refused),
    /// A listener's address cannot be had.
    #[error("cannot listen on {address} ({listener} listener): {source}; {advice}")]
    #[non_exhaustive]
    Listen {
        /// Name of the listener.
        listener: &'static str,
        /// Address of the listener.
        address: SocketAddr,
        /// Error of the operating system.
        source: std::io::Error,
        /// Advice for the operator.
        advice: String,
    },
    #[cfg(feature = "tls")]
    /// The certificate of the public listener cannot be used.
    #[error("TLS_CERTIFICATE, TLS_KEY or TLS_CLIENT_CA: {0}")]
    Tls(#[from] border::TlsError),
    /// The store cannot be opened or migrated.
    #[cfg(feature = "store")]
    #[error("{0}")]
    Store(#[from] store::StoreError),
    /// An operation on jobs failed.
    #[cfg(feature = "store")]
    #[error("{0}")]
    Work(#[from] work::WorkError),
    /// The schema is behind, and `MIGRATE=never`.
    #[error("the store's schema lacks {pending} migrations; run the subcommand `migrate` first, or set MIGRATE=auto")]
    #[non_exhaustive]
    SchemaBehind {
        /// Number of pending migrations.
        pending: usize,
    },
    /// A dependency cannot be declared.
    #[cfg(feature = "client")]
    #[error("{0}")]
    Dependency(#[from] client::DeclareError),
    /// Routes cannot be put together: the same method and path twice, mostly.
    #[error("the routes of the {listener} listener conflict: {reason}")]
    #[non_exhaustive]
    Routes {
        /// Name of the listener.
        listener: &'static str,
        /// The panic's message.
        reason: String,
    },
    /// The contact for reports of weaknesses is malformed.
    #[error("the security contact cannot be published: {reason}")]
    #[non_exhaustive]
    SecurityContact {
        /// The mistake, and what to do.
        reason: String,
    },
    /// The rules of a route or a bulkhead cannot be kept, or are of a route that does not exist.
    #[error("{0}")]
    RouteRules(#[from] border::InvalidRouteRules),
    /// An objective cannot be held, cannot alert, or is of a route that does not exist.
    #[error("{0}")]
    Objective(#[from] telemetry::objectives::InvalidObjective),
    /// The subcommand `observe` failed, or found files that differ.
    #[error(transparent)]
    Observe(#[from] crate::observe::ObserveError),
    /// The subcommand `query` got no answer.
    #[cfg(feature = "query")]
    #[error(transparent)]
    Query(#[from] crate::query::QueryFailed),
    /// The pool for CPU-bound work cannot be opened.
    #[error("cannot open the pool for CPU-bound work: {0}; set CPU_THREADS to fewer")]
    Cpu(#[source] Cause),
    /// The runtime cannot be built or signals cannot be handled.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// A part failed for too long.
    #[error("giving up: {0}; the process manager should start the process anew")]
    Escalated(#[from] Escalation),
    /// The program itself panicked, or its runtime was shut down.
    #[error("the service broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
    /// A second signal came while the service stopped.
    #[error("ended at once by a second signal, {}", .0.name())]
    Hastened(EndSignal),
    /// The stop took longer than its budget.
    #[error("ended by force: the stop took longer than STOP_TIMEOUT={0:?}")]
    Overdue(Duration),
    /// The OpenAPI document cannot be written, or is not the committed one.
    #[cfg(feature = "openapi")]
    #[error("{0}")]
    Openapi(#[from] crate::openapi::OpenapiError),
}
