//! The service under examination, and the defaults of what was not said about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use keel_wire::tls::Trust;
use url::Url;

use super::console::Console;
use super::dead_letters::DeadLetters;
use super::dependency::Dependencies;
use super::errors::ErrorReports;
use super::events::Events;
use super::integrity::Integrity;
use super::leader::Leader;
use super::load::Load;
use super::operation::Operation;
use super::ops::Ops;
use super::outliers::Outliers;
use super::query::QueryInterface;
use super::request::RequestSpec;

/// Default deadline of a request.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Default time limit until the service is ready.
pub const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Default time limit from SIGTERM to the end.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Duration of the load of `life.steady`.
pub const STEADY: Duration = Duration::from_secs(20);
/// Default duration of the load of `prove.soak`.
pub const SOAK: Duration = Duration::from_secs(20);

/// State of the service: durable or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It acknowledges writes that must survive.
    Durable,
    /// It keeps none: every request only reads.
    None,
    /// Not declared.
    Unsaid,
}

/// All that was said about the service under examination.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in reports.
    pub name: String,
    /// Shell command that starts it in the foreground; empty when it is started in another way.
    pub run: String,
    /// The start and stop of the service.
    pub operation: Operation,
    /// Its public listener: `http`, `https`, or `unix:/PATH`.
    pub url: Url,
    /// The certificates of the service that are accepted.
    pub trust: Option<Trust>,
    /// Its plain listener beside one of TLS.
    pub plain: Option<Url>,
    /// Shell command that replaces the certificate while the service runs.
    pub renew_certificate: Option<String>,
    /// Its admin listener, when it has one of its own.
    pub admin: Option<Url>,
    /// Readiness path; when unsaid, the first answer below 500 to `/` on `url` counts.
    pub ready: Option<String>,
    /// Health path.
    pub health: Option<String>,
    /// Metrics path.
    pub metrics: Option<String>,
    /// OpenAPI path on `url`.
    pub openapi: Option<String>,
    /// Working directory of `run`.
    pub workdir: PathBuf,
    /// The repository that the static probes read, if it was declared.
    pub repository: Option<PathBuf>,
    /// The folders of persistent data.
    pub data: Vec<PathBuf>,
    /// The state of the service.
    pub state: State,
    /// Environment on top of keel's own.
    pub env: BTreeMap<String, String>,
    /// No request may take longer. Default 30 s.
    pub deadline: Duration,
    /// Until ready. Default 10 s.
    pub start_timeout: Duration,
    /// From SIGTERM to the end. Default 30 s.
    pub drain_timeout: Duration,
    /// The duration of the load of `life.steady`. 20 s.
    pub steady: Duration,
    /// The duration of the load of `prove.soak`. Default 20 s; no longer than the probe's bound allows.
    pub soak: Duration,
    /// The decisions file.
    pub decisions: Option<PathBuf>,
    /// The dependencies of the service.
    pub dependencies: Dependencies,
    /// The load that it is meant to hold, if it was declared.
    pub load: Option<Load>,
    /// The files by which it is operated, if they were declared.
    pub ops: Option<Ops>,
    /// The mix, in order.
    pub requests: Vec<RequestSpec>,
    /// Requests whose work is examined by itself: they are no part of the mix, and are sent after it.
    pub work: Vec<RequestSpec>,
    /// The requests of operators for dead letters, if they were declared.
    pub dead_letters: Option<DeadLetters>,
    /// The same for records in the quarantine.
    pub quarantine: Option<DeadLetters>,
    /// The interface by which the live state is asked; none: unsaid.
    pub query: Option<QueryInterface>,
    /// The questions that name clients that stand out; none: unsaid.
    pub outliers: Option<Outliers>,
    /// A request that fails, and where its report is read; none: unsaid.
    pub errors: Option<ErrorReports>,
    /// The console of operators; none: unsaid.
    pub console: Option<Console>,
    /// The event log, if it was declared.
    pub events: Option<Events>,
    /// The damage of a row, and the alarm that must name it, if they were declared.
    pub integrity: Option<Integrity>,
    /// Work that one instance of several does, if it was declared.
    pub leader: Option<Leader>,
}
