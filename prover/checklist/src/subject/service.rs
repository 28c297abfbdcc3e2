//! The service under examination, and the defaults of what was not said about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use keel_wire::tls::Trust;
use url::Url;

use super::dependency::Dependencies;
use super::load::Load;
use super::operation::Operation;
use super::request::RequestSpec;

/// No request may take longer, when nobody said.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Until ready, when nobody said.
pub const START_TIMEOUT: Duration = Duration::from_secs(10);
/// From SIGTERM to the end, when nobody said.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the load of `life.steady` is held.
pub const STEADY: Duration = Duration::from_secs(25);
/// How long that of `prove.soak` is held, when nobody said.
pub const SOAK: Duration = Duration::from_secs(30);

/// Whether the service keeps state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It acknowledges writes that must survive.
    Durable,
    /// It keeps none: every request only reads.
    None,
    /// Nobody said.
    Unsaid,
}

/// All that was said about the service under examination.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in reports.
    pub name: String,
    /// Shell command that starts it in the foreground; empty when it is started in another way.
    pub run: String,
    /// Who starts and stops it.
    pub operation: Operation,
    /// Its public listener: `http`, `https`, or `unix:/PATH`.
    pub url: Url,
    /// Which of its certificates are accepted.
    pub trust: Option<Trust>,
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
    /// What the static probes read; none when unsaid.
    pub repository: Option<PathBuf>,
    /// Where persistent data lives.
    pub data: Vec<PathBuf>,
    /// Whether it keeps state.
    pub state: State,
    /// Environment on top of keel's own.
    pub env: BTreeMap<String, String>,
    /// No request may take longer. Default 30 s.
    pub deadline: Duration,
    /// Until ready. Default 10 s.
    pub start_timeout: Duration,
    /// From SIGTERM to the end. Default 30 s.
    pub drain_timeout: Duration,
    /// How long `life.steady` holds its load. 25 s.
    pub steady: Duration,
    /// How long `prove.soak` holds its load. Default 30 s; no longer than the probe's bound allows.
    pub soak: Duration,
    /// The decisions file.
    pub decisions: Option<PathBuf>,
    /// What it calls.
    pub dependencies: Dependencies,
    /// The load it is meant to hold, when somebody said.
    pub load: Option<Load>,
    /// The mix, in order.
    pub requests: Vec<RequestSpec>,
}
