//! The subject while it is examined: started, observed, restarted, its dependencies behind fault proxies.

use std::collections::BTreeMap;
use std::time::Duration;

use drill::http::{Client, Exchange, Request};
use drill::process::{Launch, Line, Process};
use drill::proxy::FaultProxy;

use crate::subject::{RequestSpec, Subject};

/// The service could not be started; its last output says why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct StartFailure {
    /// What happened, and what to do.
    pub reason: String,
    /// Its last lines of output.
    pub output: Vec<String>,
}

/// One successful start.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// From exec to the first connection accepted.
    pub listening: Duration,
    /// From exec to ready.
    pub ready: Duration,
}

/// The subject under examination. Every probe gets it running, and may break it; [`Lab::ensure_running`] mends it.
#[derive(Debug)]
pub struct Lab {
    /// What was said about it.
    pub subject: Subject,
    /// Every line printed by earlier runs of the subject, bounded to the last 20,000.
    pub earlier_output: Vec<Line>,
    _saved: BTreeMap<String, String>,
}

impl Lab {
    /// Starts dependencies and proxies (not yet the subject).
    ///
    /// # Errors
    /// When a dependency cannot be started.
    pub async fn open(_subject: Subject) -> Result<Self, StartFailure> {
        unimplemented!("lands with the lab")
    }

    /// Makes sure that the subject runs and is ready and that all faults are off: starts or restarts it when it is not.
    ///
    /// # Errors
    /// When it does not become ready in time.
    pub async fn ensure_running(&mut self) -> Result<Option<Started>, StartFailure> {
        unimplemented!("lands with the lab")
    }

    /// Starts it (it must not be running) with changes to its launch; waits until ready.
    ///
    /// # Errors
    /// When it ends or does not become ready in time.
    pub async fn start_with(&mut self, _change: impl FnOnce(&mut Launch)) -> Result<Started, StartFailure> {
        unimplemented!("lands with the lab")
    }

    /// The launch that would be used: command, environment with the proxies' addresses, working directory.
    pub fn launch(&self) -> Launch {
        unimplemented!("lands with the lab")
    }

    /// The running subject.
    ///
    /// # Panics
    /// When it is not running: call [`Lab::ensure_running`] before.
    pub fn process(&mut self) -> &mut Process {
        unimplemented!("lands with the lab")
    }

    /// Whether it answers ready now (one request, bounded to 2 s).
    pub async fn is_ready(&self) -> bool {
        unimplemented!("lands with the lab")
    }

    /// Stops it with SIGTERM, then SIGKILL after the subject's drain timeout; its output is kept in `earlier_output`.
    pub async fn stop(&mut self) {
        unimplemented!("lands with the lab")
    }

    /// A client for the public listener; each exchange is bounded by the subject's deadline plus 5 s.
    pub fn http(&self) -> Client {
        unimplemented!("lands with the lab")
    }

    /// A client for the admin listener, or the public one when there is none.
    pub fn admin(&self) -> Client {
        unimplemented!("lands with the lab")
    }

    /// The proxy in front of a declared dependency.
    pub fn proxy(&self, _dependency: &str) -> Option<&FaultProxy> {
        unimplemented!("lands with the lab")
    }

    /// The subject's output since its last start.
    pub fn output(&self) -> Vec<Line> {
        unimplemented!("lands with the lab")
    }

    /// Sends the mix once, in order (crash and slow requests left out), saving what later requests need. Done once by
    /// [`Lab::ensure_running`] after the first start; call it again to get fresh saved values.
    pub async fn send_mix(&mut self) -> Vec<(RequestSpec, Exchange)> {
        unimplemented!("lands with the lab")
    }

    /// A request of the mix with its templates filled in: a fresh `{key}`, saved values.
    pub fn fill(&self, _spec: &RequestSpec) -> Request {
        unimplemented!("lands with the lab")
    }

    /// One request that only reads and is expected to succeed: the first GET of the mix that is neither slow nor a crash, else `GET /`.
    pub fn harmless(&self) -> Request {
        unimplemented!("lands with the lab")
    }

    /// The requests of the mix, without slow and crash ones.
    pub fn mix(&self) -> Vec<RequestSpec> {
        unimplemented!("lands with the lab")
    }
}
